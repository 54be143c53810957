package upcloud

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/sdk"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sdkDir is where the module of UpCloud's SDK is.
var sdkDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/UpCloudLtd/upcloud-go-api/v8").Output()
	return strings.TrimSpace(string(out)), err
})

func sdkFile(t testing.TB, parts ...string) string {
	t.Helper()
	dir, err := sdkDir()
	if err != nil || dir == "" {
		t.Fatalf("the SDK's module is not in the module cache: %v", err)
	}
	return filepath.Join(append([]string{dir}, parts...)...)
}

// sdkCodes are the SDK's constants of error codes.
func sdkCodes(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), sdkFile(t, "upcloud", "error_codes.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			code, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return true
	})
	if len(codes) < 200 {
		t.Fatalf("%d codes in the SDK", len(codes))
	}
	return codes
}

// Every code that the SDK has, and those of the API's next version, has a
// meaning; the golden file is for reading.
func TestEveryCodeHasAMeaning(t *testing.T) {
	codes := append(sdkCodes(t), "DEVICE_UNAVAILABLE", "DEVICE_ALLOCATION_FAILED")
	slices.Sort(codes)
	var b strings.Builder
	for _, code := range slices.Compact(codes) {
		m, known := meaningOf(code)
		text := strings.TrimSpace(string(m.kind) + " " + string(m.scope))
		if code == "SERVICE_ERROR" {
			text = "by status"
		} else if !known {
			t.Errorf("%s has no meaning", code)
		}
		fmt.Fprintf(&b, "%-55s %s\n", code, text)
	}
	const golden = "testdata/codes.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("codes mean something else (-want +got); -update if that is meant:\n%s", d)
	}
}

// Each answer in both shapes, of a call that asks and of one that changes.
func TestAnswersToKinds(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		scope  sdk.Scope
		get    sdk.Kind
		change sdk.Kind
	}{
		{409, "SERVER_RESOURCES_UNAVAILABLE", sdk.ScopeCapacity, sdk.Exhausted, sdk.Exhausted},
		{503, "SERVER_RESOURCES_UNAVAILABLE", sdk.ScopeCapacity, sdk.Exhausted, sdk.Exhausted},
		{409, "STORAGE_RESOURCES_UNAVAILABLE", sdk.ScopeCapacity, sdk.Exhausted, sdk.Exhausted},
		{409, "IP_ADDRESS_RESOURCES_UNAVAILABLE", sdk.ScopeCapacity, sdk.Exhausted, sdk.Exhausted},
		{409, "DEVICE_UNAVAILABLE", sdk.ScopeCapacity, sdk.Exhausted, sdk.Exhausted},
		{403, "SERVER_CORE_LIMIT_REACHED", sdk.ScopeQuota, sdk.Exhausted, sdk.Exhausted},
		{403, "SERVER_CREATING_LIMIT_REACHED", sdk.ScopeQuota, sdk.Exhausted, sdk.Exhausted},
		{403, "IP_ADDRESS_LIMIT_REACHED", sdk.ScopeQuota, sdk.Exhausted, sdk.Exhausted},
		{402, "INSUFFICIENT_CREDITS", sdk.ScopeFunds, sdk.Exhausted, sdk.Exhausted},
		{403, "TRIAL_PLAN", sdk.ScopeFunds, sdk.Exhausted, sdk.Exhausted},
		{402, "SOMETHING_NEW", sdk.ScopeFunds, sdk.Exhausted, sdk.Exhausted},
		{401, "AUTHENTICATION_FAILED", "", sdk.Denied, sdk.Denied},
		{403, "AUTHENTICATION_FAILED", "", sdk.Denied, sdk.Denied},
		{403, "SERVER_FORBIDDEN", "", sdk.Denied, sdk.Denied},
		{404, "SERVER_NOT_FOUND", "", sdk.NotFound, sdk.NotFound},
		{404, "SOMETHING_NEW", "", sdk.NotFound, sdk.NotFound},
		{404, "ZONE_NOT_FOUND", "", sdk.Invalid, sdk.Invalid},
		{409, "SERVER_STATE_ILLEGAL", "", sdk.Busy, sdk.Busy},
		{409, "STORAGE_STATE_ILLEGAL", "", sdk.Busy, sdk.Busy},
		{409, "SOMETHING_NEW", "", sdk.Busy, sdk.Busy},
		{409, "RESOURCE_ALREADY_EXISTS", "", sdk.Conflict, sdk.Conflict},
		{400, "SERVER_INVALID", "", sdk.Invalid, sdk.Invalid},
		{400, "SOMETHING_NEW", "", sdk.Invalid, sdk.Invalid},
		{400, "PLAN_CORE_NUMBER_ILLEGAL", "", sdk.Unsupported, sdk.Unsupported},
		{405, "METHOD_NOT_ALLOWED", "", sdk.Unsupported, sdk.Unsupported},
		{429, "SOMETHING_NEW", "", sdk.Throttled, sdk.Throttled},
		{500, "SERVICE_ERROR", "", sdk.Unavailable, sdk.Uncertain},
		{403, "SERVICE_ERROR", "", sdk.Denied, sdk.Denied},
		{503, "SOMETHING_NEW", "", sdk.Unavailable, sdk.Uncertain},
	} {
		for shape, body := range map[string]string{
			"application/json; charset=UTF-8":         fmt.Sprintf(`{"error":{"error_code":%q,"error_message":"Because."}}`, c.code),
			"application/problem+json":                fmt.Sprintf(`{"type":"https://developers.upcloud.com/1.3/errors#ERROR_%s","title":"Because.","status":%d,"correlation_id":"01FD"}`, c.code, c.status),
			"application/problem+json; charset=utf-8": fmt.Sprintf(`{"type":"https://developers.upcloud.com/1.3/errors#ERROR_%s","title":"Because.","status":%d}`, c.code, c.status),
			"text/plain": fmt.Sprintf(`{"type":%q,"title":"Because."}`, c.code),
		} {
			resp := &http.Response{StatusCode: c.status, Header: http.Header{"Content-Type": {shape}}}
			for changes, want := range map[bool]sdk.Kind{false: c.get, true: c.change} {
				err := failed("do it", "server x", decodeError(resp, []byte(body), time.Now()), changes)
				e, ok := errors.AsType[*sdk.Error](err)
				if !ok || e.Kind != want || e.Scope != c.scope || e.Code != c.code || e.Source != sdk.SourceProvider || e.Op != "do it" || e.Subject != "server x" || !strings.Contains(e.Text, "Because.") {
					t.Errorf("%d %s as %s, changes %v: %#v, want %s %s", c.status, c.code, shape, changes, err, want, c.scope)
				}
			}
		}
	}
}

func TestLostCalls(t *testing.T) {
	for _, c := range []struct {
		name        string
		err         error
		get, change sdk.Kind
	}{
		{"never sent", &lostError{err: errors.New("no route")}, sdk.Unavailable, sdk.Unavailable},
		{"sent", &lostError{err: errors.New("reset"), sent: true}, sdk.Unavailable, sdk.Uncertain},
		{"deadline", &lostError{err: context.DeadlineExceeded, sent: true}, sdk.Unavailable, sdk.Uncertain},
		{"cancelled", context.Canceled, sdk.Unavailable, sdk.Uncertain},
		{"not JSON", errors.New("invalid character"), sdk.Unavailable, sdk.Uncertain},
		{"ours", sdk.Errorf(sdk.Busy, "wait"), sdk.Busy, sdk.Busy},
	} {
		if got := sdk.KindOf(failed("op", "", c.err, false)); got != c.get {
			t.Errorf("%s: %s, want %s", c.name, got, c.get)
		}
		if got := sdk.KindOf(failed("op", "", c.err, true)); got != c.change {
			t.Errorf("%s, changes: %s, want %s", c.name, got, c.change)
		}
	}
	if failed("op", "", nil, true) != nil {
		t.Error("nothing failed, and there is an error")
	}
	if err := failed("op", "", context.DeadlineExceeded, false); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is no end of a deadline", err)
	}
}

// An answer of something in between is told as such, and never by what it says.
func TestErrorsOfOthers(t *testing.T) {
	resp := &http.Response{StatusCode: 404, Header: http.Header{"Content-Type": {"text/html"}}}
	e := decodeError(resp, []byte("<html>\x1b[31mNot here"), time.Now())
	if e.said || e.code != "" || !strings.Contains(e.Error(), "not the API's") || strings.Contains(e.Error(), "html>") {
		t.Errorf("%v", e)
	}
	// Absence is believed from the API alone.
	if kind := sdk.KindOf(failed("read", "", e, false)); kind != sdk.Unavailable {
		t.Errorf("a stranger's 404 is %s", kind)
	}
	params := `{"type":"https://x.example/e#ERROR_VALIDATION_ERROR","title":"Bad","invalid_params":[{"name":"server.plan","reason":"odd\u001b"}],"correlation_id":"01F"}`
	text := decodeError(&http.Response{StatusCode: 400, Header: http.Header{}}, []byte(params), time.Now()).Error()
	if want := "VALIDATION_ERROR: Bad; server.plan: odd (HTTP 400, correlation id 01F)"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
}

func FuzzDecodeError(f *testing.F) {
	f.Add(400, "application/json", []byte(`{"error":{"error_code":"X","error_message":"y"}}`))
	f.Add(409, "application/problem+json", []byte(`{"type":"https://a/b#ERROR_C","title":"d","status":409}`))
	f.Add(302, "", []byte(`null`))
	f.Fuzz(func(t *testing.T, status int, kind string, body []byte) {
		e := decodeError(&http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}}, body, time.Now())
		if len(e.Error()) > 20_000 {
			t.Errorf("an error of %d bytes", len(e.Error()))
		}
		if got := failed("op", "", e, false); !sdk.KindOf(got).Valid() {
			t.Errorf("%#v", got)
		}
	})
}
