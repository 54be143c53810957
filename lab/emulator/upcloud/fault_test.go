package upcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	sdk "github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// problem is the SDK's error of a call.
func problem(t *testing.T, err error) *sdk.Problem {
	t.Helper()
	var p *sdk.Problem
	if !errors.As(err, &p) {
		t.Fatalf("no problem of the SDK's: %T %v", err, err)
	}
	return p
}

// Every fault of an error is what the SDK's client takes it for, does nothing,
// and happens once.
func TestFaultsThatRefuse(t *testing.T) {
	for _, one := range []struct {
		fault  upcloud.Fault
		status int
		code   string
	}{
		{upcloud.Fault{Kind: upcloud.FaultCapacity}, 409, "SERVER_RESOURCES_UNAVAILABLE"},
		{upcloud.Fault{Kind: upcloud.FaultCredits}, 402, "INSUFFICIENT_CREDITS"},
		{upcloud.Fault{Kind: upcloud.FaultTrial}, 403, "TRIAL_PLAN"},
		{upcloud.Fault{Kind: upcloud.FaultUnauthorized}, 401, "AUTHENTICATION_FAILED"},
		{upcloud.Fault{Kind: upcloud.FaultForbidden}, 403, "ACTION_FORBIDDEN"},
		{upcloud.Fault{Kind: upcloud.FaultThrottled}, 429, "RATE_LIMITED"},
		{upcloud.Fault{Kind: upcloud.FaultServerErrorBefore}, 503, "SERVICE_ERROR"},
		{upcloud.Fault{Kind: upcloud.FaultServerErrorBefore, Status: 500, Code: "X"}, 500, "X"},
		{upcloud.Fault{Kind: upcloud.FaultError, Status: 403, Code: "SERVER_CORE_LIMIT_REACHED", Message: "no"}, 403, "SERVER_CORE_LIMIT_REACHED"},
	} {
		t.Run(string(one.fault.Kind), func(t *testing.T) {
			c := start(t, upcloud.Options{})
			one.fault.Count, one.fault.Operation = 1, "create_server"
			c.Faults().Add(one.fault)
			_, err := c.CreateServer(t.Context(), wanted("fi-hel1", "STARTER-1xCPU-1GB"))
			if p := problem(t, err); p.Status != one.status || p.ErrorCode() != one.code {
				t.Errorf("%d %s, want %d %s", p.Status, p.ErrorCode(), one.status, one.code)
			}
			if st := c.Stats(); st.Servers+st.Storages != 0 || st.Requests["create_server"] != 0 {
				t.Errorf("something was done: %+v", st)
			}
			create(t, c, "fi-hel1", "STARTER-1xCPU-1GB")
			if l := c.Faults().List(); len(l) != 1 || l[0].Hits != 1 {
				t.Errorf("%+v", l)
			}
		})
	}
}

func TestFaultThrottledSaysWhen(t *testing.T) {
	c := start(t, upcloud.Options{})
	c.Faults().Add(upcloud.Fault{Kind: upcloud.FaultThrottled, Delay: 7 * time.Second})
	a, err := http.Get(c.url + "/1.3/plan") //nolint:noctx // the emulator is this test's
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	if a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a fault goes before authentication: %s", a.Status)
	}
	q, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/1.3/plan", nil)
	q.SetBasicAuth("emulator", upcloud.DefaultToken)
	if a, err = http.DefaultClient.Do(q); err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	if a.StatusCode != 429 || a.Header.Get("Retry-After") != "7" {
		t.Errorf("%s, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
	}
}

// After a lost answer the server is there, before one it is not.
func TestFaultsThatLoseTheAnswer(t *testing.T) {
	for kind, servers := range map[upcloud.FaultKind]int{
		upcloud.FaultResetBefore: 0, upcloud.FaultResetAfter: 1, upcloud.FaultServerErrorBefore: 0, upcloud.FaultServerErrorAfter: 1,
		upcloud.FaultGateway: 0, upcloud.FaultMalformed: 1, upcloud.FaultWrongTypes: 1,
	} {
		t.Run(string(kind), func(t *testing.T) {
			c := start(t, upcloud.Options{})
			c.Faults().Add(upcloud.Fault{Kind: kind, Operation: "create_server"})
			_, err := c.CreateServer(t.Context(), wanted("fi-hel1", "STARTER-1xCPU-1GB"))
			if err == nil {
				t.Fatal("no error")
			}
			if reset := strings.HasPrefix(string(kind), "reset"); reset != (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)) {
				t.Errorf("%v", err)
			}
			found, err := c.GetServersWithFilters(t.Context(), &request.GetServersWithFiltersRequest{
				Filters: []request.QueryFilter{request.FilterLabel{Label: sdk.Label{Key: "meson-key", Value: "a1"}}},
			})
			if err != nil || len(found.Servers) != servers {
				t.Errorf("%d servers by label, want %d; %v", len(found.Servers), servers, err)
			}
		})
	}
}

func TestFaultSlowAndHang(t *testing.T) {
	c := start(t, upcloud.Options{})
	slow := c.Faults().Add(upcloud.Fault{Kind: upcloud.FaultSlow, Delay: 80 * time.Millisecond})
	began := time.Now()
	if _, err := c.GetZones(t.Context()); err != nil || time.Since(began) < 80*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	c.Faults().Remove(slow)
	c.Faults().Add(upcloud.Fault{Kind: upcloud.FaultHang, Operation: "create_server"})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.CreateServer(ctx, wanted("fi-hel1", "STARTER-1xCPU-1GB")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hanging: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := c.CreateServer(context.WithoutCancel(t.Context()), wanted("fi-hel1", "STARTER-1xCPU-1GB"))
		done <- err
	}()
	for len(c.Faults().List()) == 0 || c.Faults().List()[0].Hits < 2 {
		time.Sleep(time.Millisecond)
	}
	c.Faults().Clear()
	if err := <-done; err != nil {
		t.Errorf("after the fault is gone: %v", err)
	}
	if st := c.Stats(); st.Servers != 1 {
		t.Errorf("%d servers: who hung up must have none, who waited one", st.Servers)
	}
}

func TestFaultsOfTheReply(t *testing.T) {
	c := start(t, upcloud.Options{})
	read := func(kind upcloud.FaultKind, path string) (int, string) {
		defer c.Faults().Clear()
		c.Faults().Add(upcloud.Fault{Kind: kind})
		return call(t, c, http.MethodGet, path, "")
	}
	if _, text := read(upcloud.FaultMalformed, "/1.3/zone"); json.Valid([]byte(text)) {
		t.Errorf("malformed: %s", text)
	}
	if _, text := read(upcloud.FaultWrongTypes, "/1.3/plan"); !json.Valid([]byte(text)) || !strings.Contains(text, `"core_number":"1"`) {
		t.Errorf("wrong types: %.200s", text)
	}
	if _, text := read(upcloud.FaultOversized, "/1.3/zone"); len(text) < 64<<20 || !json.Valid([]byte(text)) {
		t.Errorf("oversized: %d bytes", len(text))
	}
	if _, text := read(upcloud.FaultNoCurrency, "/1.3/price"); strings.Contains(text, "currency") || !strings.Contains(text, "server_plan_") {
		t.Errorf("no currency: %.200s", text)
	}
}

// The SDK takes problem details for what they are, and loses them where the
// content type has a charset: both are to be met by an adapter.
func TestFaultProblemShapes(t *testing.T) {
	c := start(t, upcloud.Options{})
	missing := &request.GetServerDetailsRequest{UUID: "00000000-0000-4000-8000-000000000000"}
	_, err := c.GetServerDetails(t.Context(), missing)
	if p := problem(t, err); p.Status != 404 || p.ErrorCode() != "SERVER_NOT_FOUND" || strings.Contains(p.Type, "://") {
		t.Errorf("legacy: %+v", p)
	}
	c.Faults().Add(upcloud.Fault{Kind: upcloud.FaultProblem})
	_, err = c.GetServerDetails(t.Context(), missing)
	if p := problem(t, err); p.Status != 404 || p.ErrorCode() != "SERVER_NOT_FOUND" || p.CorrelationID == "" || !strings.Contains(p.Type, "://") {
		t.Errorf("problem: %+v", p)
	}
	c.Faults().Clear()
	c.Faults().Add(upcloud.Fault{Kind: upcloud.FaultProblemCharset})
	_, err = c.GetServerDetails(t.Context(), missing)
	if p := problem(t, err); p.Status != 404 || p.ErrorCode() != "" {
		t.Errorf("problem with a charset: %+v", p)
	}
}

func TestFaultsThatCannotHappenAreRefused(t *testing.T) {
	for _, f := range []upcloud.Fault{
		{},
		{Kind: "capcity"},
		{Kind: upcloud.FaultHang, Operation: "make_server"},
		{Kind: upcloud.FaultError},
		{Kind: upcloud.FaultSlow, Count: -1},
		{Kind: upcloud.FaultServerErrorAfter, Status: 200},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v: taken", f)
				}
			}()
			upcloud.NewServer(upcloud.Options{}).Faults().Add(f)
		}()
	}
}

// Every kind of fault stands in a test.
func TestEveryFaultIsTested(t *testing.T) {
	source := readFile(t, "fault_test.go") + readFile(t, "faultstate_test.go")
	names := readFile(t, "faultkind.go")
	for _, k := range upcloud.FaultKinds() {
		name := ""
		for _, line := range strings.Split(names, "\n") {
			if strings.HasSuffix(line, `= "`+string(k)+`"`) {
				name = strings.Fields(line)[0]
			}
		}
		if name == "" || strings.Count(source, "upcloud."+name+",")+strings.Count(source, "upcloud."+name+"}")+strings.Count(source, "upcloud."+name+":") == 0 {
			t.Errorf("%s (%s) is in no test", k, name)
		}
	}
}
