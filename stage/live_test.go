package stage_test

import (
	"testing"
	"testing/synctest"
	"time"

	"streamcat/stage"
)

func TestSynctestWithSQLite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		w.must(w.SetLive(t.Context(), id, true))
		if !w.snapshot(id).Live() {
			t.Fatal("not live")
		}
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if w.snapshot(id).Live() {
			t.Fatal("live")
		}
		_ = stage.Audio
	})
}
