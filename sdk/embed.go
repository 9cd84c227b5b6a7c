package sdk

import "embed"

// Dist has the files streamcat.js, streamcat.global.js and streamcat.d.ts under dist.
//
//go:embed dist
var Dist embed.FS
