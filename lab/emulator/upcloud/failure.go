package upcloud

import (
	"fmt"
	"net/http"
)

// failure is an answer that is no success, in the shape of the calls about
// servers, storages, addresses and networks, or as problem details.
type failure struct {
	status  int
	code    string // such as SERVER_NOT_FOUND
	message string
	problem bool // application/problem+json rather than the older shape
	params  []invalidParam
	header  http.Header
}

type invalidParam struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s: %s", f.status, f.code, f.message) }

func fail(status int, code, format string, args ...any) *failure {
	return &failure{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func bad(code, format string, args ...any) *failure {
	return fail(http.StatusBadRequest, code, format, args...)
}

func conflict(code, format string, args ...any) *failure {
	return fail(http.StatusConflict, code, format, args...)
}

// asProblem is f in the newer shape.
func (f *failure) asProblem() *failure {
	c := *f
	c.problem = true
	return &c
}

// wireError is the older shape.
type wireError struct {
	Error struct {
		Code    string `json:"error_code"`
		Message string `json:"error_message"`
	} `json:"error"`
}

// wireProblem is the newer shape.
type wireProblem struct {
	CorrelationID string         `json:"correlation_id"`
	InvalidParams []invalidParam `json:"invalid_params,omitempty"`
	Status        int            `json:"status"`
	Title         string         `json:"title"`
	Type          string         `json:"type"`
}

const (
	legacyType  = "application/json; charset=UTF-8"
	plainType   = "application/json"
	problemType = "application/problem+json"
	// problemTypeBase and a code are a problem's type.
	problemTypeBase = "https://developers.upcloud.com/1.3/errors#ERROR_"
)

// body is what to send, and as what.
func (f *failure) body(correlationID string) (any, string) {
	if f.problem {
		return wireProblem{
			CorrelationID: correlationID, InvalidParams: f.params, Status: f.status,
			Title: f.message, Type: problemTypeBase + f.code,
		}, problemType
	}
	var w wireError
	w.Error.Code, w.Error.Message = f.code, f.message
	return w, legacyType
}
