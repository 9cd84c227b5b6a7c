package stage_test

import (
	"fmt"
	"testing"

	"streamcat/stage"
)

// crowd makes publishers, one of them featured unless featured is negative.
func crowd(count, featured int) []stage.Publisher {
	var publishers []stage.Publisher
	for i := range count {
		p := stage.Publisher{ID: stage.ParticipantID(fmt.Sprint("p", i))}
		if i == featured {
			p.Attributes = map[string]string{stage.FeaturedAttribute: "true"}
		}
		publishers = append(publishers, p)
	}
	return publishers
}

// TestLayoutProperties tries every number of publishers with every one of them featured, and none.
func TestLayoutProperties(t *testing.T) {
	for count := 0; count <= 16; count++ {
		for featured := -1; featured < count; featured++ {
			t.Run(fmt.Sprintf("%d publishers, featured %d", count, featured), func(t *testing.T) {
				checkLayout(t, count, featured, stage.Compose(crowd(count, featured)))
			})
		}
	}
}

func checkLayout(t *testing.T, count, featured int, layout stage.Layout) {
	if layout.Columns != 24 || layout.Rows != 24 || layout.Tiles == nil {
		t.Fatalf("grid %+v", layout)
	}
	if want := min(count, 12); len(layout.Tiles) != want {
		t.Errorf("%d tiles, want %d", len(layout.Tiles), want)
	}
	var taken [25][25]stage.ParticipantID
	small, last := 0, -1
	left, right, top, bottom := 25, 0, 25, 0
	for _, tile := range layout.Tiles {
		if tile.ColumnSpan != tile.RowSpan {
			t.Errorf("tile %+v is not 16:9", tile)
		}
		for column := tile.Column; column < tile.Column+tile.ColumnSpan; column++ {
			for row := tile.Row; row < tile.Row+tile.RowSpan; row++ {
				if column < 1 || column > 24 || row < 1 || row > 24 {
					t.Fatalf("tile %+v is outside", tile)
				}
				if other := taken[column][row]; other != "" {
					t.Fatalf("%s covers %s", tile.Participant, other)
				}
				taken[column][row] = tile.Participant
			}
		}
		left, right = min(left, tile.Column-1), max(right, tile.Column+tile.ColumnSpan-1)
		top, bottom = min(top, tile.Row-1), max(bottom, tile.Row+tile.RowSpan-1)
		var number int
		fmt.Sscanf(string(tile.Participant), "p%d", &number)
		if tile.Featured != (number == featured) {
			t.Errorf("tile %+v, featured is p%d", tile, featured)
		}
		if tile.Featured {
			continue
		}
		if small == 0 {
			small = tile.ColumnSpan
		}
		if tile.ColumnSpan != small {
			t.Errorf("tile %+v is not as large as the others, %d", tile, small)
		}
		if number <= last {
			t.Errorf("p%d comes after p%d", number, last)
		}
		last = number
	}
	if len(layout.Tiles) > 0 && (left != 24-right || top != 24-bottom) {
		t.Errorf("not centred: %d left, %d right, %d above, %d below", left, 24-right, top, 24-bottom)
	}
	if featured >= 0 && len(layout.Tiles) > 0 {
		if layout.Tiles[0].ColumnSpan <= small || !layout.Tiles[0].Featured {
			t.Errorf("the featured one is not the largest and first: %+v", layout.Tiles[0])
		}
	}
}

func TestLayoutExamples(t *testing.T) {
	type place struct{ column, row, span int }
	for count, want := range map[int][]place{
		1:  {{1, 1, 24}},
		2:  {{1, 7, 12}, {13, 7, 12}},
		3:  {{1, 1, 12}, {13, 1, 12}, {7, 13, 12}},
		4:  {{1, 1, 12}, {13, 1, 12}, {1, 13, 12}, {13, 13, 12}},
		5:  {{1, 5, 8}, {9, 5, 8}, {17, 5, 8}, {5, 13, 8}, {13, 13, 8}},
		10: {{1, 4, 6}, {7, 4, 6}, {13, 4, 6}, {19, 4, 6}, {1, 10, 6}, {7, 10, 6}, {13, 10, 6}, {19, 10, 6}, {7, 16, 6}, {13, 16, 6}},
	} {
		layout := stage.Compose(crowd(count, -1))
		for i, tile := range layout.Tiles {
			if got := (place{tile.Column, tile.Row, tile.ColumnSpan}); got != want[i] {
				t.Errorf("%d publishers, tile %d: %v, want %v", count, i, got, want[i])
			}
		}
	}
}
