package bus_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"streamcat/bus"
	"streamcat/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; it is never reached when all is well.
const patience = 10 * time.Second

func open(t *testing.T, url string) *bus.Bus {
	t.Helper()
	b, err := bus.Open(bus.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// listen returns a channel with what a subscription hears.
func listen(t *testing.T, b *bus.Bus, id stage.ID) (<-chan stage.Notice, func()) {
	t.Helper()
	heard := make(chan stage.Notice, 2000)
	cancel, err := b.SubscribeNotices(id, func(n stage.Notice) { heard <- n })
	if err != nil {
		t.Fatal(err)
	}
	return heard, cancel
}

func next(t *testing.T, heard <-chan stage.Notice) stage.Notice {
	t.Helper()
	select {
	case n := <-heard:
		return n
	case <-time.After(patience):
		t.Fatal("no notice came")
		return stage.Notice{}
	}
}

// external is a NATS server as an operator would run it.
func external(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server is not ready")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s.ClientURL()
}

func left(message string) stage.Notice {
	return stage.Notice{Left: &stage.Left{Participant: "p", Keep: "client-b", Reason: stage.LeftTokenReused, Message: message}}
}

func TestNoticesArriveWholeAndInOrder(t *testing.T) {
	b := open(t, "")
	heard, _ := listen(t, b, "stage-1")
	elsewhere, _ := listen(t, b, "stage-2")
	first := stage.Notice{Snapshot: &stage.Snapshot{
		Stage: "stage-1", Session: "st-x", Version: 1 << 52, Gated: true, Slots: 12, Viewers: 3,
		LiveSince:  time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC),
		Publishers: []stage.Publisher{{ID: "a", UserID: "Zoë", Attributes: map[string]string{"k": "<v>"}, Publishing: true, Slot: 4, OnAir: true}},
		Layout:     stage.Compose([]stage.Publisher{{ID: "a"}}),
	}}
	if err := b.PublishNotice("stage-1", first); err != nil {
		t.Fatal(err)
	}
	const count = 1000
	for i := range count {
		if err := b.PublishNotice("stage-1", left(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(first, next(t, heard)); diff != "" {
		t.Errorf("the snapshot changed on its way (-sent +heard):\n%s", diff)
	}
	for i := range count {
		if diff := cmp.Diff(left(fmt.Sprint(i)), next(t, heard)); diff != "" {
			t.Fatalf("notice %d (-sent +heard):\n%s", i, diff)
		}
	}
	if len(elsewhere) != 0 {
		t.Error("another stage heard it")
	}
}

func TestEverySubscriptionHears(t *testing.T) {
	b := open(t, "")
	one, _ := listen(t, b, "s")
	two, cancel := listen(t, b, "s")
	if err := b.PublishNotice("s", left("1")); err != nil {
		t.Fatal(err)
	}
	next(t, one)
	next(t, two)
	cancel()
	cancel() // a second time is fine
	if err := b.PublishNotice("s", left("2")); err != nil {
		t.Fatal(err)
	}
	if got := next(t, one).Left.Message; got != "2" {
		t.Errorf("heard %q", got)
	}
	if len(two) != 0 {
		t.Error("a cancelled subscription heard something")
	}
}

func TestNodesShareAServer(t *testing.T) {
	url := external(t)
	a, b := open(t, url), open(t, url)
	heard, _ := listen(t, b, "s")
	if err := a.PublishNotice("s", left("over there")); err != nil {
		t.Fatal(err)
	}
	if got := next(t, heard).Left.Message; got != "over there" {
		t.Errorf("heard %q", got)
	}
}

func TestEmbeddedBusesAreApart(t *testing.T) {
	a, b := open(t, ""), open(t, "")
	heard, _ := listen(t, b, "s")
	mine, _ := listen(t, a, "s")
	if err := a.PublishNotice("s", left("")); err != nil {
		t.Fatal(err)
	}
	next(t, mine)
	if len(heard) != 0 {
		t.Error("one process heard another's private bus")
	}
}

func TestOpenWithoutServer(t *testing.T) {
	_, err := bus.Open(bus.Config{URL: "nats://user:hunter2@127.0.0.1:1"})
	if err == nil {
		t.Fatal("connected to nothing")
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error tells the password: %v", err)
	}
}

func TestIDsCannotWiden(t *testing.T) {
	b := open(t, "")
	for _, id := range []stage.ID{"", "a.b", "*", ">", "a b", "a\r\nPUB x 0", "ä", stage.ID(strings.Repeat("a", 65))} {
		if err := b.PublishNotice(id, left("")); err == nil {
			t.Errorf("published to %q", id)
		}
		if _, err := b.SubscribeNotices(id, func(stage.Notice) {}); err == nil {
			t.Errorf("subscribed to %q", id)
		}
	}
}

func TestNoticeTooLarge(t *testing.T) {
	b := open(t, "")
	heard, _ := listen(t, b, "s")
	if err := b.PublishNotice("s", left(strings.Repeat("x", 1<<20))); err == nil {
		t.Error("a message of more than a megabyte was accepted")
	}
	if err := b.PublishNotice("s", left("small")); err != nil {
		t.Fatal(err)
	}
	if got := next(t, heard).Left.Message; got != "small" {
		t.Errorf("heard %q", got)
	}
}

func TestNonsenseIsDropped(t *testing.T) {
	url := external(t)
	b := open(t, url)
	heard, _ := listen(t, b, "s")
	stranger, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	good, err := json.Marshal(left("good"))
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range [][]byte{[]byte("{"), []byte(`{"Left":7}`), nil, good} {
		if err := stranger.Publish("streamcat.stage.s.notice", message); err != nil {
			t.Fatal(err)
		}
	}
	if err := stranger.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := next(t, heard); got.Left == nil || got.Left.Message != "good" {
		t.Errorf("heard %+v", got)
	}
}

func TestCloseWaitsForCallbacks(t *testing.T) {
	b, err := bus.Open(bus.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	begun, finished := make(chan struct{}), false
	release := make(chan struct{})
	if _, err := b.SubscribeNotices("s", func(stage.Notice) {
		close(begun)
		<-release
		mu.Lock()
		finished = true
		mu.Unlock()
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.PublishNotice("s", left("")); err != nil {
		t.Fatal(err)
	}
	<-begun
	closed := make(chan error)
	go func() { closed <- b.Close() }()
	close(release)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !finished {
		t.Error("Close returned before the callback")
	}
	if err := b.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if err := b.PublishNotice("s", left("")); err == nil {
		t.Error("published on a closed bus")
	}
	if _, err := b.SubscribeNotices("s", func(stage.Notice) {}); err == nil {
		t.Error("subscribed to a closed bus")
	}
}
