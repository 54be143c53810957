package host

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// plainLog writes records without their time.
func plainLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

func TestLogLines(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"hclog":        {`{"@level":"warn","@message":"low disk","@module":"kvm","@timestamp":"2026-01-01","free":3,"host":"kvm2"}`, `level=WARN msg="low disk" module=kvm free=3 host=kvm2`},
		"nested":       {`{"@level":"info","@message":"x","a":{"b":[1,null]}}`, `level=INFO msg=x a="{\"b\":[1,null]}"`},
		"number":       {`{"@level":"info","@message":1}`, `level=INFO msg=1`},
		"no strings":   {`{"@level":["x"],"@message":{"a":null}}`, `level=DEBUG msg="{\"a\":null}"`},
		"pretends":     {`{"@level":"error","@message":"m","plugin":"other","level":"INFO","time":"t","msg":"z"}`, `level=ERROR msg=m its_level=INFO its_msg=z its_plugin=other its_time=t`},
		"escapes":      {`{"@level":"info","@message":"\u001b[2Jx\u0007","k\u001b":"\u202ey"}`, `level=INFO msg=[2Jx k=y`},
		"not json":     {`{"@level":`, `level=DEBUG msg="{\"@level\":"`},
		"null":         {`null`, `level=DEBUG msg=null`},
		"levels":       {"[ERROR] a\n[WARN] b\n[INFO] c\n[TRACE] d", "level=ERROR msg=\"[ERROR] a\"\nlevel=WARN msg=\"[WARN] b\"\nlevel=INFO msg=\"[INFO] c\"\nlevel=DEBUG msg=\"[TRACE] d\""},
		"panic":        {"panic: boom\n\ngoroutine 1 [running]:", "level=ERROR msg=\"panic: boom\"\nlevel=ERROR msg=\"goroutine 1 [running]:\""},
		"empty":        {"\n\n\r\n", ""},
		"not utf-8":    {"a\xffb", "level=DEBUG msg=\"a\uFFFDb\""},
		"without end":  {"last words", `level=DEBUG msg="last words"`},
		"carriage":     {"a\r\nb", "level=DEBUG msg=a\nlevel=DEBUG msg=b"},
		"null message": {`{"@message":null}`, "level=DEBUG msg=null"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			newLogs(plainLog(&out), 100).pump(strings.NewReader(test.in))
			if diff := cmp.Diff(test.want, strings.TrimSpace(out.String())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestManyAttributesAreBounded(t *testing.T) {
	var in, out strings.Builder
	in.WriteString(`{"@message":"m"`)
	for i := range 1000 {
		fmt.Fprintf(&in, `,"k%03d":1`, i)
	}
	in.WriteString("}\n")
	newLogs(plainLog(&out), 100).pump(strings.NewReader(in.String()))
	if n := strings.Count(out.String(), "=1"); n != maxLogAttrs || !strings.Contains(out.String(), "attributes_dropped=968") {
		t.Errorf("%d attributes in %s", n, out.String())
	}
}

// Lines beyond the limit are dropped and counted, a second at a time, also where
// nothing follows them.
func TestLogLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		l := newLogs(plainLog(&out), 3)
		reader, writer := io.Pipe()
		go l.pump(reader)
		fmt.Fprint(writer, "1\n2\n3\n4\n5\n")
		sleep(1500)
		fmt.Fprint(writer, "6\n")
		_ = writer.Close()
		synctest.Wait()
		want := "level=DEBUG msg=1\nlevel=DEBUG msg=2\nlevel=DEBUG msg=3\n" +
			"level=WARN msg=\"log lines dropped: more than the plugin may write\" lines=2 limit_per_second=3\nlevel=DEBUG msg=6\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLineWriter(t *testing.T) {
	var out strings.Builder
	w := newLogs(plainLog(&out), 100).writer()
	for _, part := range []string{"a", "b\nc", "\n", strings.Repeat("x", 1<<17), "y\nlast\n"} {
		if n, err := io.WriteString(w, part); n != len(part) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 || lines[0] != "level=DEBUG msg=ab" || lines[1] != "level=DEBUG msg=c" || lines[3] != "level=DEBUG msg=last" {
		t.Fatalf("%.200q", lines)
	}
	if len(lines[2]) > 1<<16+100 || !strings.HasSuffix(lines[2], "truncated=true") {
		t.Errorf("a line of %d bytes", len(lines[2]))
	}
}

func FuzzLogs(f *testing.F) {
	f.Add([]byte(`{"@level":"info","@message":1}`))
	f.Add([]byte("{\"@level\":{},\"@message\":[[[]]],\"a\":1e999}\n[ERROR]\x00\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out strings.Builder
		newLogs(plainLog(&out), 1000).pump(strings.NewReader(string(data)))
		if strings.ContainsAny(out.String(), "\x1b\x00\x07") {
			t.Errorf("%q holds control characters", out.String())
		}
	})
}
