package mapping

import (
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"testing"
)

// A daemon that greets, and then does not see what it is asked, is called anew.
func TestMonitorThatLosesACall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "qmp.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for calls := 0; ; calls++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, `{"QMP": {}}`+"\n")
			if calls == 0 {
				_, _ = io.Copy(io.Discard, conn) // until the caller gives up
				continue
			}
			var ask struct {
				Execute string `json:"execute"`
			}
			for in := json.NewDecoder(conn); in.Decode(&ask) == nil; {
				_, _ = io.WriteString(conn, `{"return": {"was": "`+ask.Execute+`"}}`+"\n")
			}
		}
	}()
	mon, err := dialMonitor(t.Context(), path, func() bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	defer mon.close()
	var got struct {
		Was string `json:"was"`
	}
	if err := mon.call(t.Context(), "query-status", nil, &got); err != nil || got.Was != "query-status" {
		t.Errorf("%+v, %v", got, err)
	}
}
