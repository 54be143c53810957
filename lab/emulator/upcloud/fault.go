package upcloud

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

// What can go wrong. Before means that nothing was done, after that it was.
const (
	// FaultError answers Status and Code without doing anything: any error at all.
	FaultError FaultKind = "error"
	// FaultCapacity is 409 SERVER_RESOURCES_UNAVAILABLE, or STORAGE_… on a storage.
	FaultCapacity FaultKind = "capacity"
	// FaultCredits is 402 INSUFFICIENT_CREDITS.
	FaultCredits FaultKind = "credits"
	// FaultTrial is 403 TRIAL_PLAN.
	FaultTrial FaultKind = "trial"
	// FaultUnauthorized is 401 AUTHENTICATION_FAILED.
	FaultUnauthorized FaultKind = "unauthorized"
	// FaultForbidden is 403 ACTION_FORBIDDEN.
	FaultForbidden FaultKind = "forbidden"
	// FaultThrottled is 429 with Retry-After of Delay in whole seconds, 1 by default.
	FaultThrottled FaultKind = "throttled"
	// FaultServerErrorBefore and FaultServerErrorAfter answer Status, 503 by default.
	FaultServerErrorBefore FaultKind = "server_error_before"
	FaultServerErrorAfter  FaultKind = "server_error_after"
	// FaultResetBefore and FaultResetAfter close the connection without an answer.
	FaultResetBefore FaultKind = "reset_before"
	FaultResetAfter  FaultKind = "reset_after"
	// FaultSlow answers after Delay of real time, a second by default.
	FaultSlow FaultKind = "slow"
	// FaultHang never answers: the client gives up, or the fault is removed.
	FaultHang FaultKind = "hang"
	// FaultMalformed cuts the reply's JSON in half.
	FaultMalformed FaultKind = "malformed"
	// FaultWrongTypes has every number a string in the reply, and every string a number.
	FaultWrongTypes FaultKind = "wrong_types"
	// FaultOversized puts 64 MiB of white space before the reply's JSON.
	FaultOversized FaultKind = "oversized"
	// FaultProblem has errors be problem details; FaultProblemCharset has the content
	// type of such carry a charset, which the SDK does not understand.
	FaultProblem        FaultKind = "problem"
	FaultProblemCharset FaultKind = "problem_charset"
	// FaultNoCurrency leaves the currency out of the price list.
	FaultNoCurrency FaultKind = "no_currency"
	// FaultServerState has a server that is created, started or restarted end in
	// the state error, for Delay of virtual time or for good.
	FaultServerState FaultKind = "server_state"
	// FaultLabelLag has label filters find a new server, or its new labels, only
	// after Delay of virtual time.
	FaultLabelLag FaultKind = "label_lag"
	// FaultDeafGuest has the guest ignore soft stops.
	FaultDeafGuest FaultKind = "deaf_guest"
)

// FaultKinds are all kinds, in the order above.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultError, FaultCapacity, FaultCredits, FaultTrial, FaultUnauthorized, FaultForbidden, FaultThrottled, FaultServerErrorBefore,
		FaultServerErrorAfter, FaultResetBefore, FaultResetAfter, FaultSlow, FaultHang, FaultMalformed, FaultWrongTypes, FaultOversized,
		FaultProblem, FaultProblemCharset, FaultNoCurrency, FaultServerState, FaultLabelLag, FaultDeafGuest,
	}
}

// Fault is one thing that goes wrong: what, on which calls, how often.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Operation, Zone and Plan limit it to calls that are about them; empty is any.
	Operation Operation `json:"operation,omitempty"`
	Zone      string    `json:"zone,omitempty"`
	Plan      string    `json:"plan,omitempty"`
	// Skip lets so many matching calls pass first.
	Skip int `json:"skip,omitempty"`
	// Count is on how many calls it happens; 0 is on every one until it is removed.
	Count int `json:"count,omitempty"`
	// Status, Code and Message are of the error that is answered, where the kind
	// leaves them open.
	Status  int    `json:"status,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Delay is a time, where the kind needs one. In JSON it is nanoseconds.
	Delay time.Duration `json:"delay,omitempty"`
}

// check refuses a fault that can never happen.
func (f Fault) check() error {
	var all []string
	if !slices.Contains(FaultKinds(), f.Kind) {
		all = append(all, fmt.Sprintf("kind %.40q: there is no such kind", f.Kind))
	}
	if f.Operation != "" && !slices.Contains(Operations(), f.Operation) {
		all = append(all, fmt.Sprintf("operation %.40q: there is no such operation", f.Operation))
	}
	if f.Kind == FaultError && (f.Status < 400 || f.Status > 599 || f.Code == "") {
		all = append(all, "kind error: needs a status of 400 to 599 and a code")
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		all = append(all, fmt.Sprintf("status %d: must be from 400 to 599", f.Status))
	}
	if f.Skip < 0 || f.Count < 0 || f.Delay < 0 {
		all = append(all, "skip, count and delay cannot be negative")
	}
	if len(all) > 0 {
		return fmt.Errorf("fault: %s", strings.Join(all, "; "))
	}
	return nil
}

// refusal is the error that f answers; nil if it answers none.
func (f Fault) refusal(storage bool) *failure {
	message := or(f.Message, "Injected by the emulator.")
	make := func(status int, code string) *failure {
		if f.Status != 0 {
			status = f.Status
		}
		return fail(status, or(f.Code, code), "%s", message)
	}
	switch f.Kind {
	case FaultError:
		return make(f.Status, f.Code)
	case FaultCapacity:
		if storage {
			return make(http.StatusConflict, "STORAGE_RESOURCES_UNAVAILABLE")
		}
		return make(http.StatusConflict, "SERVER_RESOURCES_UNAVAILABLE")
	case FaultCredits:
		return make(http.StatusPaymentRequired, "INSUFFICIENT_CREDITS")
	case FaultTrial:
		return make(http.StatusForbidden, "TRIAL_PLAN")
	case FaultUnauthorized:
		return make(http.StatusUnauthorized, "AUTHENTICATION_FAILED")
	case FaultForbidden:
		return make(http.StatusForbidden, "ACTION_FORBIDDEN")
	case FaultThrottled:
		r := make(http.StatusTooManyRequests, "RATE_LIMITED")
		r.header = http.Header{"Retry-After": {decimal(int(max(f.Delay, time.Second) / time.Second))}}
		return r
	case FaultServerErrorBefore, FaultServerErrorAfter:
		return make(http.StatusServiceUnavailable, "SERVICE_ERROR")
	}
	return nil
}
