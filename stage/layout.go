package stage

// The composite is laid out on a grid of square-proportioned cells: 24 columns by 24 rows over a 16:9 picture, so that a tile
// of n by n cells is 16:9 again. 24 divides by 1, 2, 3 and 4 columns and leaves even remainders for centring.
const gridSize = 24

// maxTiles is how many participants are seen. Those beyond are heard.
const maxTiles = 12

// Layout places tiles on the grid.
type Layout struct {
	Columns int    `json:"columns"`
	Rows    int    `json:"rows"`
	Tiles   []Tile `json:"tiles"`
}

// Tile is the place of one participant; Column and Row count from 1, as CSS grid lines do.
type Tile struct {
	Participant ParticipantID `json:"participantId"`
	Column      int           `json:"column"`
	Row         int           `json:"row"`
	ColumnSpan  int           `json:"columnSpan"`
	RowSpan     int           `json:"rowSpan"`
	Featured    bool          `json:"featured"`
}

// FeaturedAttribute marks a participant that takes the large place, as in IVS compositions.
const FeaturedAttribute = "featured"

// Compose lays out the given participants, in their order, for up to twelve; those beyond are heard and not seen.
func Compose(publishers []Publisher) Layout {
	layout := Layout{Columns: gridSize, Rows: gridSize, Tiles: []Tile{}}
	var featured *Publisher
	var others []ParticipantID
	for i := range publishers {
		if featured == nil && publishers[i].Attributes[FeaturedAttribute] == "true" {
			featured = &publishers[i]
		} else {
			others = append(others, publishers[i].ID)
		}
	}
	if featured == nil {
		layout.Tiles = grid(layout.Tiles, others)
		return layout
	}
	layout.Tiles = feature(layout.Tiles, featured.ID, others)
	return layout
}

// grid fills rows of equal tiles from the left, a short last row centred, the whole block centred vertically.
func grid(tiles []Tile, ids []ParticipantID) []Tile {
	ids = ids[:min(len(ids), maxTiles)]
	if len(ids) == 0 {
		return tiles
	}
	columns := 1
	for columns*columns < len(ids) && columns < 4 {
		columns++
	}
	span := gridSize / columns
	rows := (len(ids) + columns - 1) / columns
	top := (gridSize - rows*span) / 2
	for i, id := range ids {
		row := i / columns
		inRow := min(columns, len(ids)-row*columns)
		left := (gridSize - inRow*span) / 2
		tiles = append(tiles, Tile{
			Participant: id,
			Column:      left + i%columns*span + 1,
			Row:         top + row*span + 1,
			ColumnSpan:  span,
			RowSpan:     span,
		})
	}
	return tiles
}

// feature gives one participant three quarters of the picture with up to four others beside it, or two thirds with two
// columns of up to six. A short last row is centred here too.
func feature(tiles []Tile, featured ParticipantID, others []ParticipantID) []Tile {
	if len(others) == 0 {
		return append(tiles, Tile{featured, 1, 1, gridSize, gridSize, true})
	}
	large, small, columns := 18, 6, 1
	if len(others) > 4 {
		large, small, columns = 16, 4, 2
	}
	others = others[:min(len(others), maxTiles-1)]
	tiles = append(tiles, Tile{featured, 1, (gridSize-large)/2 + 1, large, large, true})
	rows := (len(others) + columns - 1) / columns
	top := (gridSize - rows*small) / 2
	for i, id := range others {
		row := i / columns
		inRow := min(columns, len(others)-row*columns)
		left := large + (columns-inRow)*small/2
		tiles = append(tiles, Tile{
			Participant: id,
			Column:      left + i%columns*small + 1,
			Row:         top + row*small + 1,
			ColumnSpan:  small,
			RowSpan:     small,
		})
	}
	return tiles
}
