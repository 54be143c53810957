package upcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

// reply is an answer, ready to be sent.
type reply struct {
	status      int
	contentType string
	header      http.Header
	body        []byte
	padding     int // bytes of white space before the body
}

func ok(v any) *reply       { return answer(http.StatusOK, v) }
func created(v any) *reply  { return answer(http.StatusCreated, v) }
func accepted(v any) *reply { return answer(http.StatusAccepted, v) }
func noContent() *reply     { return &reply{status: http.StatusNoContent} }

func answer(status int, v any) *reply {
	return &reply{status: status, contentType: legacyType, body: encode(v)}
}

// encode writes no HTML escapes, as the service writes none.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("upcloud: a reply cannot be encoded: " + err.Error()) // none holds what JSON cannot
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// refuse is err as an answer; s.mu is not held.
func (s *Server) refuse(err error) *reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused(err)
}

// refused is refuse for who holds s.mu.
func (s *Server) refused(err error) *reply {
	var f *failure
	if !errors.As(err, &f) {
		f = fail(http.StatusInternalServerError, "SERVICE_ERROR", "Internal error.")
		s.log.Error("emulator failed", "error", err)
	}
	id := ""
	if f.problem {
		id = s.identity.correlation()
	}
	v, contentType := f.body(id)
	return &reply{status: f.status, contentType: contentType, header: f.header, body: encode(v)}
}

// send writes the answer, and a line of log.
func (s *Server) send(w http.ResponseWriter, r *http.Request, out *reply) {
	h := w.Header()
	for name, values := range out.header {
		h[name] = values
	}
	if out.contentType != "" {
		h.Set("Content-Type", out.contentType)
	}
	if out.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(out.padding+len(out.body)))
	}
	w.WriteHeader(out.status)
	if out.padding > 0 {
		pad(w, out.padding)
	}
	if _, err := w.Write(out.body); err != nil && out.status != http.StatusNoContent {
		s.log.Debug("client went away", "method", r.Method, "path", r.URL.Path, "error", err)
		return
	}
	s.log.Info("request", "method", r.Method, "path", r.URL.Path, "status", out.status)
}

// pad writes n bytes of white space.
func pad(w http.ResponseWriter, n int) {
	block := bytes.Repeat([]byte(" "), 64<<10)
	for ; n > 0; n -= len(block) {
		if _, err := w.Write(block[:min(n, len(block))]); err != nil {
			return
		}
	}
}
