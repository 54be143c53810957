package spec

import (
	"encoding/json"
	"fmt"

	"github.com/mesoncloud/meson/core"
)

// Encode writes a pledge as an indented spec in the flat encoding, with every
// default filled in and a line end. Parse reads it as the same pledge, without
// the secrets, which are [redacted].
func Encode(p core.Pledge) []byte {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		// A pledge is plain data; nothing in it can fail to encode.
		panic(fmt.Sprintf("encode pledge: %v", err))
	}
	return append(data, '\n')
}
