package upcloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is one thing that goes wrong: what, on which calls, how often.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Operation, Zone and Plan limit it to calls that are about them; empty is any
	// that the kind can happen to. Calls that only read are about no zone.
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
	// Delay is a time, where the kind needs one. In JSON it is text: "30s".
	Delay time.Duration `json:"-"`
}

// wireFault is a fault as JSON.
type wireFault struct {
	plainFault
	Delay string `json:"delay,omitempty"`
}

type plainFault Fault

// MarshalJSON writes the delay as text.
func (f Fault) MarshalJSON() ([]byte, error) {
	w := wireFault{plainFault: plainFault(f)}
	if f.Delay != 0 {
		w.Delay = f.Delay.String()
	}
	return json.Marshal(w)
}

// UnmarshalJSON refuses attributes that there are not.
func (f *Fault) UnmarshalJSON(data []byte) error {
	var w wireFault
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return err
	}
	*f = Fault(w.plainFault)
	if w.Delay == "" {
		return nil
	}
	var err error
	f.Delay, err = time.ParseDuration(w.Delay)
	return err
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

// about reports whether the fault is about such a call.
func (f Fault) about(op Operation, zone, plan string) bool {
	if natural := f.Kind.natural(); f.Operation == "" && natural != nil && !slices.Contains(natural, op) {
		return false
	}
	return (f.Operation == "" || f.Operation == op) && (f.Zone == "" || f.Zone == zone) && (f.Plan == "" || f.Plan == plan)
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
