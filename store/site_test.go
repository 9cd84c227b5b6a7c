package store_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"streamcat/site"
	"streamcat/stage"
	"streamcat/store"
	"streamcat/store/storetest"
)

var epoch = time.Date(2030, 1, 2, 3, 4, 5, 6e6, time.UTC)

func registration(t *testing.T, name string) site.Registration {
	t.Helper()
	own, err := stage.New(name, true)
	if err != nil {
		t.Fatal(err)
	}
	return site.Registration{
		Account:      site.Account{ID: site.AccountID("account-" + name), Name: name, Created: epoch},
		PasswordHash: "hash of " + name,
		ChannelID:    "channel-" + name,
		Stage:        own,
	}
}

func create(t *testing.T, db *store.DB, name string) site.Registration {
	t.Helper()
	r := registration(t, name)
	if err := db.CreateAccount(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCreateAccountIsAllOrNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		first := create(t, db, "Kitty")
		account, hash, err := db.AccountByName(t.Context(), "kITTY")
		if err != nil || account != first.Account || hash != "hash of Kitty" {
			t.Errorf("%+v %q %v", account, hash, err)
		}
		taken := registration(t, "KITTY")
		if err := db.CreateAccount(t.Context(), taken); site.CodeOf(err) != site.Conflict {
			t.Errorf("a taken name: %v", err)
		}
		if _, err := db.Stage(t.Context(), taken.Stage.ID); stage.CodeOf(err) != stage.StageDeleted {
			t.Errorf("the stage of a refused account: %v", err)
		}
		broken := registration(t, "tom")
		broken.ChannelID = first.ChannelID
		if err := db.CreateAccount(t.Context(), broken); site.CodeOf(err) != site.Internal {
			t.Errorf("a channel id that exists: %v", err)
		}
		if _, _, err := db.AccountByName(t.Context(), "tom"); site.CodeOf(err) != site.NotFound {
			t.Errorf("the account of a broken registration: %v", err)
		}
		if _, err := db.Stage(t.Context(), broken.Stage.ID); stage.CodeOf(err) != stage.StageDeleted {
			t.Errorf("the stage of a broken registration: %v", err)
		}
	})
}

func TestSessionsAreSwept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		account := create(t, db, "kitty").Account.ID
		put := func(hash string, created time.Time) {
			t.Helper()
			s := site.Session{Hash: hash, Account: account, UserAgent: "a browser", Created: created, Expires: created.Add(time.Hour)}
			if err := db.PutSession(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if got, err := db.Session(t.Context(), hash); err != nil || got != s {
				t.Errorf("kept %+v, %v", got, err)
			}
		}
		put("first", epoch)
		put("second", epoch.Add(time.Minute))
		put("third", epoch.Add(time.Hour))
		for hash, want := range map[string]site.Code{"first": site.NotFound, "second": "", "third": ""} {
			if _, err := db.Session(t.Context(), hash); site.CodeOf(err) != want {
				t.Errorf("%s: %v", hash, err)
			}
		}
		if err := db.PutSession(t.Context(), site.Session{Hash: "x", Account: "nobody"}); err == nil {
			t.Error("a session of nobody was kept")
		}
	})
}

func TestReplaceStudioTokenHasOneWinner(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := create(t, db, "kitty")
		token := func(participant stage.ParticipantID) stage.Token {
			return stage.Token{Raw: stage.Secret("raw " + participant), Participant: participant, Stage: r.Stage.ID, UserID: string(r.Account.ID),
				Attributes: map[string]string{"name": "kitty"}, Capabilities: stage.Capabilities{Publish: true, Subscribe: true}, Expires: epoch}
		}
		replaced := stage.ParticipantID("")
		for round := range 10 {
			got := make([]stage.ParticipantID, 4)
			var group sync.WaitGroup
			for i := range got {
				group.Go(func() {
					mine := stage.ParticipantID(strings.Repeat("x", round+1) + string(rune('a'+i)))
					kept, err := db.ReplaceStudioToken(t.Context(), r.Account.ID, replaced, token(mine))
					if err != nil {
						t.Error(err)
					}
					got[i] = kept.Participant
				})
			}
			group.Wait()
			now, err := db.StudioToken(t.Context(), r.Account.ID, r.Stage.ID)
			if err != nil || now.Participant == replaced || now.Raw != token(now.Participant).Raw {
				t.Fatalf("round %d: %+v after %s, %v", round, now, replaced, err)
			}
			for i := range got {
				if got[i] != now.Participant {
					t.Errorf("round %d: writer %d was told %s, kept is %s", round, i, got[i], now.Participant)
				}
			}
			replaced = now.Participant
		}
	})
}

func TestPutScreenAtOnceTakesTurns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := create(t, db, "kitty")
		if _, err := db.ReplaceStudioToken(t.Context(), r.Account.ID, "", stage.Token{Participant: "p", Stage: r.Stage.ID, Expires: epoch}); err != nil {
			t.Fatal(err)
		}
		screen := func(id stage.ParticipantID, created time.Time) []stage.ParticipantID {
			others, err := db.PutScreen(t.Context(), site.Screen{Participant: id, Account: r.Account.ID, Stage: r.Stage.ID,
				Created: created, Expires: created.Add(time.Hour)})
			if err != nil {
				t.Error(err)
			}
			return others
		}
		told := make([]int, 5)
		var group sync.WaitGroup
		for i := range told {
			group.Go(func() { told[i] = len(screen(stage.ParticipantID(rune('a'+i)), epoch)) })
		}
		group.Wait()
		slices.Sort(told)
		if diff := cmp.Diff([]int{0, 1, 2, 3, 4}, told); diff != "" {
			t.Errorf("they were told of this many others:\n%s", diff)
		}
		check := func(want ...stage.ParticipantID) {
			t.Helper()
			got, err := db.TokensOf(t.Context(), r.Account.ID, r.Stage.ID)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		}
		check("a", "b", "c", "d", "e", "p")
		for _, id := range []stage.ParticipantID{"b", "p", "nobody"} {
			if err := db.ForgetToken(t.Context(), r.Stage.ID, id); err != nil {
				t.Fatal(err)
			}
		}
		check("a", "c", "d", "e")
		if others := screen("late", epoch.Add(time.Hour)); len(others) != 0 {
			t.Errorf("told of expired screens: %v", others)
		}
		check("late")
	})
}

func TestHolder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		kitty, tom := create(t, db, "kitty"), create(t, db, "tom")
		if _, err := db.ReplaceStudioToken(t.Context(), tom.Account.ID, "", stage.Token{Participant: "p", Stage: kitty.Stage.ID, Expires: epoch}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.PutScreen(t.Context(), site.Screen{Participant: "s", Account: tom.Account.ID, Stage: kitty.Stage.ID, Created: epoch, Expires: epoch.Add(1e9)}); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			stage       stage.ID
			participant stage.ParticipantID
			want        site.Holder
			code        site.Code
		}{
			{kitty.Stage.ID, "p", site.Holder{Account: tom.Account.ID}, ""},
			{kitty.Stage.ID, "s", site.Holder{Account: tom.Account.ID, Screen: true}, ""},
			{kitty.Stage.ID, "x", site.Holder{}, site.NotFound},
			{tom.Stage.ID, "p", site.Holder{}, site.NotFound},
			{tom.Stage.ID, "s", site.Holder{}, site.NotFound},
		} {
			got, err := db.Holder(t.Context(), test.stage, test.participant)
			if got != test.want || site.CodeOf(err) != test.code {
				t.Errorf("%s: %+v, %v", test.participant, got, err)
			}
		}
	})
}

// A guest who is removed at the very moment of accepting is in or out, and out for good once removed.
func TestBarGuestWhileAccepting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		kitty, tom := create(t, db, "kitty"), create(t, db, "tom")
		for _, id := range []string{"i1", "i2", "i3", "i4"} {
			invitation := site.Invitation{ID: id, Channel: kitty.ChannelID, Code: stage.Secret("code " + id), Created: epoch, Expires: epoch.Add(time.Hour)}
			if err := db.CreateInvitation(t.Context(), invitation, 10); err != nil {
				t.Fatal(err)
			}
		}
		var group sync.WaitGroup
		for _, id := range []string{"i1", "i2", "i3", "i4"} {
			group.Go(func() {
				if err := db.Accept(t.Context(), id, tom.Account.ID, epoch, 10); site.CodeOf(err) != "" && site.CodeOf(err) != site.Denied {
					t.Error(err)
				}
			})
		}
		group.Go(func() {
			if err := db.BarGuest(t.Context(), kitty.ChannelID, tom.Account.ID, epoch); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
		list, err := db.Acceptances(t.Context(), kitty.ChannelID, tom.Account.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if !a.Removed {
				t.Errorf("an invitation holds: %+v", a)
			}
		}
		if err := db.Accept(t.Context(), "i1", tom.Account.ID, epoch, 10); site.CodeOf(err) != site.Denied {
			t.Errorf("accepting again: %v", err)
		}
	})
}

func TestInvitationForNobodyIsNotForAnybody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		kitty := create(t, db, "kitty")
		err := db.CreateInvitation(t.Context(), site.Invitation{ID: "i", Channel: kitty.ChannelID, Code: "c", For: "nobody", Created: epoch, Expires: epoch.Add(time.Hour)}, 10)
		if site.CodeOf(err) != site.NotFound {
			t.Errorf("error %v", err)
		}
		if _, err := db.InvitationByCode(t.Context(), "c"); site.CodeOf(err) != site.NotFound {
			t.Errorf("it was kept: %v", err)
		}
	})
}
