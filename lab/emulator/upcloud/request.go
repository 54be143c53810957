package upcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

const (
	// maxBody is what a request may weigh.
	maxBody = 1 << 20
	// maxDepth is how deep its JSON may be.
	maxDepth = 32
)

// readBody reads what was sent, within bounds.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, fail(http.StatusRequestEntityTooLarge, "REQUEST_INVALID", "The request body is larger than %d bytes.", maxBody)
	case err != nil:
		return nil, bad("REQUEST_INVALID", "The request body cannot be read.")
	}
	return body, nil
}

// decode reads a request's JSON. A missing body is an empty object; unknown
// attributes are ignored.
func decode(body []byte, into any) error {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil
	}
	if deep(body) {
		return bad("REQUEST_INVALID", "The request body is nested too deeply.")
	}
	if err := json.Unmarshal(body, into); err != nil {
		var typed *json.UnmarshalTypeError
		if errors.As(err, &typed) {
			return bad("REQUEST_INVALID", "The attribute %.80s cannot be a %.20s.", typed.Field, typed.Value)
		}
		return bad("REQUEST_INVALID", "The request body is not valid JSON: %.120s.", err.Error())
	}
	return nil
}

// deep reports whether brackets outside of strings nest more than maxDepth.
func deep(body []byte) bool {
	depth, text, escaped := 0, false, false
	for _, b := range body {
		switch {
		case escaped:
			escaped = false
		case text && b == '\\':
			escaped = true
		case b == '"':
			text = !text
		case text:
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return false
}

func decimal(n int) string { return strconv.Itoa(n) }
