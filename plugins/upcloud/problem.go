package upcloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// apiError is an answer of the API that is not a success, in either of the two
// shapes that live side by side there.
type apiError struct {
	status int
	// code is the API's own, such as SERVER_NOT_FOUND; empty where the answer has
	// none.
	code string
	// said is whether the answer is one of the API's, and not that of something in
	// between.
	said    bool
	message string
	params  []invalidParam
	// correlation is what UpCloud's support asks for.
	correlation string
	// retryAfter is after when to ask again; zero: not said.
	retryAfter time.Duration
}

type invalidParam struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// errorBody is both shapes at once: they have no key in common.
type errorBody struct {
	Error struct {
		Code    string `json:"error_code"`
		Message string `json:"error_message"`
	} `json:"error"`
	Type          string         `json:"type"`
	Title         string         `json:"title"`
	InvalidParams []invalidParam `json:"invalid_params"`
	CorrelationID string         `json:"correlation_id"`
}

const (
	maxMessageBytes = 500
	maxParams       = 20
)

// decodeError reads an answer by what is in it: the content type may have a
// charset behind it, or be that of something else.
func decodeError(resp *http.Response, body []byte, now time.Time) *apiError {
	e := &apiError{status: resp.StatusCode}
	e.retryAfter, _ = retryAfter(resp.Header, now)
	var b errorBody
	if err := json.Unmarshal(body, &b); err != nil {
		e.message = notTheAPI(resp, body)
		return e
	}
	switch {
	case b.Error.Code != "" || b.Error.Message != "":
		e.code, e.message, e.said = b.Error.Code, b.Error.Message, true
	case b.Type != "" || b.Title != "":
		e.code, e.message, e.said = problemCode(b.Type), b.Title, true
		e.params, e.correlation = b.InvalidParams[:min(len(b.InvalidParams), maxParams)], b.CorrelationID
	default:
		e.message = notTheAPI(resp, body)
	}
	e.code, e.message = sdk.CleanText(e.code, 100), sdk.CleanText(e.message, maxMessageBytes)
	return e
}

// problemCode is the code in a problem's type: the fragment of a URL without
// ERROR_, or what is there.
func problemCode(kind string) string {
	u, err := url.Parse(kind)
	if err != nil || u.Scheme == "" || u.Host == "" {
		if kind == "about:blank" {
			return ""
		}
		return kind
	}
	return strings.TrimPrefix(u.Fragment, "ERROR_")
}

func notTheAPI(resp *http.Response, body []byte) string {
	kind := resp.Header.Get("Content-Type")
	if kind == "" {
		kind = "an unnamed type"
	}
	text := fmt.Sprintf("an answer that is not the API's: %d bytes of %s", len(body), kind)
	if to := resp.Header.Get("Location"); to != "" && resp.StatusCode >= 300 && resp.StatusCode < 400 {
		text += ", which leads elsewhere"
	}
	return sdk.CleanText(text, maxMessageBytes)
}

// Error is the code, the message and what else the answer says.
func (e *apiError) Error() string {
	var b strings.Builder
	if e.code != "" {
		b.WriteString(e.code + ": ")
	}
	b.WriteString(e.message)
	for _, p := range e.params {
		fmt.Fprintf(&b, "; %s: %s", sdk.CleanText(p.Name, 100), sdk.CleanText(p.Reason, 200))
	}
	if e.message == "" && len(e.params) == 0 {
		b.WriteString(http.StatusText(e.status))
	}
	fmt.Fprintf(&b, " (HTTP %d", e.status)
	if e.correlation != "" {
		b.WriteString(", correlation id " + sdk.CleanText(e.correlation, 100))
	}
	b.WriteString(")")
	return b.String()
}

// longestRetryAfter is how much of Retry-After is believed.
const longestRetryAfter = time.Hour

// retryAfter reads the header of that name, in seconds or as a date.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, longestRetryAfter), true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), longestRetryAfter), true
}
