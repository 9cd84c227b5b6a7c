package stage

import (
	"sync"
	"testing"
	"testing/synctest"
)

func TestQueueKeepsOrderAndLosesNothing(t *testing.T) {
	q := newQueue[int]()
	const producers, each = 4, 1000
	var group sync.WaitGroup
	for p := range producers {
		group.Go(func() {
			for i := range each {
				if !q.put(p*each + i) {
					t.Error("refused while open")
				}
			}
		})
	}
	go func() {
		group.Wait()
		q.close()
	}()
	next := [producers]int{}
	for {
		items := q.take()
		if len(items) == 0 {
			break
		}
		for _, item := range items {
			if got := item % each; got != next[item/each] {
				t.Fatalf("producer %d: %d instead of %d", item/each, got, next[item/each])
			}
			next[item/each]++
		}
	}
	for p, got := range next {
		if got != each {
			t.Errorf("producer %d: %d arrived", p, got)
		}
	}
	if q.put(1) {
		t.Error("a closed queue took something")
	}
	if items := q.take(); len(items) != 0 {
		t.Errorf("took %v", items)
	}
}

func TestQueueWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue[string]()
		var got []string
		go func() { got = q.take() }()
		synctest.Wait()
		if got != nil {
			t.Errorf("took %v from an empty queue", got)
		}
		q.put("a")
		synctest.Wait()
		if len(got) != 1 || got[0] != "a" {
			t.Errorf("took %v", got)
		}
		q.put("b")
		if q.closeIfEmpty() {
			t.Error("closed with something in it")
		}
		q.take()
		if !q.closeIfEmpty() || q.put("c") {
			t.Error("not closed when empty")
		}
	})
}
