package spec_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/spec"
)

// TestHostileInput is refused with a clear text, within little time and memory.
func TestHostileInput(t *testing.T) {
	fill := func(unit string) string { return strings.Repeat(unit, spec.MaxSize/len(unit)) }
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		before, this := string(rune('0'+i)), string(rune('1'+i))
		bomb.WriteString("a" + this + ": &a" + this + " [" + strings.Repeat("*a"+before+",", 9) + "]\n")
	}
	tests := map[string]struct{ input, want string }{
		"empty":                 {"", "empty"},
		"blank":                 {" \n\t\n", "empty"},
		"yaml comment":          {"# nothing\n", "empty"},
		"yaml null":             {"~\n", "empty"},
		"scalar":                {"hello\n", "a text stands here"},
		"list":                  {"[1, 2]", "a list stands here"},
		"list of volumes":       {"- vid: a\n", "--volumes FILE"},
		"too large":             {fill("a") + "a", "1 MiB"},
		"latin-1":               {"{\"name\": \"caf\xe9\"}", "0xe9 is not UTF-8"},
		"utf-16":                {"\xff\xfe{\x00}\x00", "0xff is not UTF-8"},
		"nul":                   {"slots: 1\x00", "NUL"},
		"deep lists":            {fill("["), "deeper than 16"},
		"deep objects":          {strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), "deeper than 16"},
		"deep yaml lists":       {strings.Repeat("- ", 400) + "x", "deeper than 16"},
		"deep yaml flow":        {"a: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "deeper than 16"},
		"deeper yaml":           {"a: " + fill("[")[:60000], "not YAML"},
		"many values":           {"[" + fill("1,")[:900000], "more values"},
		"many yaml values":      {fill("- a\n"), "more values"},
		"many unknown keys":     {"{" + strings.Repeat(`"a":1,`, 60000) + "}", "stands twice"},
		"many unknown yaml":     {strings.Repeat("? a\n", 20000), "stands twice"},
		"many different keys":   {"{" + numbered(40000) + "}", "and more: these are the first 100"},
		"long key":              {`{"` + fill("x")[:900000] + `": 1}`, "unknown key"},
		"long text":             {`{"name": "` + fill("x")[:900000] + `"}`, "too long"},
		"long number":           {`{"slots": ` + fill("9")[:900000] + `}`, "out of range"},
		"long yaml number":      {"slots: " + fill("9")[:900000], "out of range"},
		"huge exponent":         {`{"slots": 1e999999999, "min_frequency": 1e-999999999}`, "1e999999999 is out of range"},
		"beyond 64 bits":        {`{"ramsize": 18446744073709551616}`, "out of range"},
		"negative":              {`{"slots": -1}`, "-1 is out of range"},
		"not whole":             {`{"slots": 1.5}`, "not a whole number"},
		"too exact":             {`{"min_frequency": 2.4001}`, "not a multiple of 0.001"},
		"clients' odd GB":       {`{"vm_name": "x", "ramsize": 1.3}`, "not a multiple of 0.0009765625"},
		"alias bomb":            {bomb.String(), "anchors"},
		"alias to itself":       {"a: &a [*a]\n", "anchors"},
		"unknown anchor":        {"authentication: {password: *hunter2}\n", "anchors"},
		"merge key":             {"<<: {slots: 2}\n", "unknown key `<<`"},
		"yaml truth of old":     {"allowSMT: yes\n", "not a truth value"},
		"yaml tag":              {"slots: !!python/object:os.system x\n", "tags are not read"},
		"yaml list as key":      {"? [a]\n: 1\n", "a key is not a plain text"},
		"yaml never closed":     {"slots: [1\n", "not YAML"},
		"many quotes":           {fill(`"`), "not YAML"},
		"comment never closed":  {"/* " + fill("x")[:1000], "a comment does not end"},
		"json never closed":     {`{"slots": 1`, "ends within"},
		"bad escape":            {`{"authentication": {"password": "hunter2\x"}}`, "escape"},
		"word without quotes":   {`{"a": [hunter2 hunter2`, "needs quotes"},
		"two specs":             {`{"slots": 1} {"slots": 2}`, "follows the end"},
		"json, not yaml":        {`{"slots": 1, "ramsize" 2048}`, "want a key in quotes and a colon"},
		"twice by escape":       {`{"slots": 1, "slot\u0073": 2}`, "stands twice"},
		"control in a name":     {"{\"quu\\u001b[31m\": 1}", "unknown key `quu�[31m`"},
		"many pci":              {`{"pci": [{"vendor":"10de","model":"1bb1","quantity":64},{"vendor":"10de","model":"1bb1"}]}`, "65 × 10de:1bb1"},
		"yaml indented forever": {"slots:" + fill(" ")[:900000], "null stands here"},
		"yaml comments":         {fill("#\n")[:100000] + "slots: 0", "0 is out of range"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := spec.Parse([]byte(test.input), spec.Options{})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if text := told(t, err); !strings.Contains(text, test.want) || len(text) > 50_000 {
				t.Errorf("faults:\n%.2000s\nwant %q among them, and not endless", text, test.want)
			}
			if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; allocated > 200 || took > 5*time.Second {
				t.Errorf("took %v and allocated %d MiB", took, allocated)
			}
		})
	}
}

// numbered are n different keys.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"slots%d":1,`, i)
	}
	return b.String()
}

// TestReadStopsAtTheLimit gives a source without end.
func TestReadStopsAtTheLimit(t *testing.T) {
	source := &endless{}
	_, err := spec.Read(source)
	if text := told(t, err); !strings.Contains(text, "1 MiB") {
		t.Errorf("faults: %s", text)
	}
	if source.read > 4*spec.MaxSize {
		t.Errorf("read %d bytes of an endless source", source.read)
	}
	data, err := spec.Read(bytes.NewReader(make([]byte, spec.MaxSize)))
	if err != nil || len(data) != spec.MaxSize {
		t.Errorf("%d bytes, %v; a source of the largest size is read", len(data), err)
	}
	_, err = spec.Read(io.MultiReader(strings.NewReader("{"), broken{}))
	if core.KindOf(err) != core.Unavailable || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error of a broken source is %v", err)
	}
}

type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
