package upcloud

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// before has faults their way with a request that was not carried out yet, and
// reports whether it is answered by that.
func (t *taken) before(s *Server, w http.ResponseWriter, r *http.Request) bool {
	storage := strings.Contains(r.URL.Path, "/storage") && !strings.Contains(r.URL.Path, "/server")
	for _, a := range t.all {
		switch a.Kind {
		case FaultServerErrorAfter:
		case FaultSlow:
			wait(r, a, orElse(a.Delay, time.Second))
		case FaultHang:
			wait(r, a, 0)
			if r.Context().Err() != nil {
				return true
			}
		case FaultResetBefore:
			reset(w)
			return true
		case FaultGateway:
			s.send(w, r, &reply{status: http.StatusBadGateway, contentType: "text/html", body: []byte(gatewayPage)})
			return true
		default:
			if f := a.refusal(storage); f != nil {
				s.send(w, r, t.shape(s, s.refuse(f)))
				return true
			}
		}
	}
	return false
}

// after has faults their way with an answer, and reports whether it is sent.
func (t *taken) after(s *Server, w http.ResponseWriter, r *http.Request, out *reply) bool {
	for _, a := range t.all {
		switch a.Kind {
		case FaultServerErrorAfter:
			s.send(w, r, t.shape(s, s.refuse(a.refusal(false))))
			return true
		case FaultResetAfter:
			reset(w)
			return true
		case FaultMalformed:
			out.body = out.body[:len(out.body)/2]
		case FaultWrongTypes:
			out.body = wrongTypes(out.body)
		case FaultOversized:
			out.padding = 64 << 20
		}
	}
	*out = *t.shape(s, out)
	return false
}

const gatewayPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"

// shape is an error in the shape that faults want; other answers are as they are.
func (t *taken) shape(s *Server, out *reply) *reply {
	problem, charset := t.find(FaultProblem) != nil, t.find(FaultProblemCharset) != nil
	if out.status < 400 || !problem && !charset {
		return out
	}
	var old wireError
	if json.Unmarshal(out.body, &old) != nil || old.Error.Code == "" {
		return out
	}
	shaped := s.refuse(fail(out.status, old.Error.Code, "%s", old.Error.Message).asProblem())
	shaped.header = out.header
	if charset {
		shaped.contentType += "; charset=utf-8"
	}
	return shaped
}

// wait lets real time pass, until the client gives up or the fault is removed;
// without a time, until one of these.
func wait(r *http.Request, a *armed, d time.Duration) {
	var passed <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case <-passed:
	case <-r.Context().Done():
	case <-a.removed:
	}
}

// reset closes the connection as a crash does.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // closes it, too
	}
	if tcp, isTCP := conn.(*net.TCPConn); isTCP {
		_ = tcp.SetLinger(0) // a reset rather than an orderly end
	}
	_ = conn.Close()
}

// wrongTypes swaps strings and numbers.
func wrongTypes(body []byte) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return body
	}
	return encode(swap(v))
}

func swap(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = swap(v[k])
		}
		return v
	case []any:
		for i := range v {
			v[i] = swap(v[i])
		}
		return v
	case json.Number:
		return v.String()
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
		return len(v)
	}
	return v
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
