package upcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const controlHelp = `The switches of an emulated cloud. All bodies are JSON.

  curl -d '{"kind":"capacity","zone":"fi-hel1","count":1}' $CONTROL/faults
  curl -d '{"kind":"throttled","operation":"create_server","delay":"5s"}' $CONTROL/faults
  curl $CONTROL/faults                       what is on, and how often it happened
  curl -X DELETE $CONTROL/faults/1           one off; $CONTROL/faults: all off
  curl -d '{"step":"1m"}' $CONTROL/clock     or {"speed":60}, {"next":true}
  curl -d '{"zone":"fi-hel1","plan":"STARTER-1xCPU-1GB","servers":2}' $CONTROL/stock
  curl -d '{"credits":0}' $CONTROL/account   or {"trial":true}, {"creating":1}, {"limits":{"cores":4}}
  curl $CONTROL/stats                        what there is, what it costs, what was asked
  curl $CONTROL/behaviour                    what is recorded, documented, assumed
`

// Control is an http.Handler with the switches of the cloud: faults, clock,
// stock, account, and what there is. It belongs on a listener of its own, that
// nobody but the tester reaches: it asks for no credentials.
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	get := func(path string, serve func(*http.Request) (any, error)) { mux.HandleFunc("GET "+path, control(serve)) }
	post := func(path string, serve func(*http.Request) (any, error)) {
		mux.HandleFunc("POST "+path, control(serve))
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, controlHelp)
	})
	get("/stats", func(*http.Request) (any, error) { return s.Stats(), nil })
	get("/behaviour", func(*http.Request) (any, error) { return Behaviours(), nil })
	get("/faults", func(*http.Request) (any, error) { return s.faults.List(), nil })
	post("/faults", s.controlFault)
	mux.HandleFunc("DELETE /faults", control(func(*http.Request) (any, error) {
		s.faults.Clear()
		return nil, nil
	}))
	mux.HandleFunc("DELETE /faults/{id}", control(func(r *http.Request) (any, error) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil || !s.faults.Remove(FaultID(id)) {
			return nil, fmt.Errorf("there is no fault %.20q", r.PathValue("id"))
		}
		return nil, nil
	}))
	get("/clock", func(*http.Request) (any, error) { return s.controlTime(), nil })
	post("/clock", s.controlClock)
	post("/stock", s.controlStock)
	post("/account", s.controlAccount)
	return mux
}

// control answers with JSON, nothing, or 400 and what was wrong.
func control(serve func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
		out, err := serve(r)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		case out == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Content-Type", plainType)
			_, _ = w.Write(append(encode(out), '\n'))
		}
	}
}

// readControl decodes a request to the switches, strictly.
func readControl(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the body is not what is wanted: %w", err)
	}
	return nil
}

func (s *Server) controlFault(r *http.Request) (any, error) {
	var f Fault
	if err := readControl(r, &f); err != nil {
		return nil, err
	}
	id, err := s.faults.add(f)
	if err != nil {
		return nil, err
	}
	return map[string]FaultID{"id": id}, nil
}

type wireClock struct {
	Now    time.Time `json:"now"`
	Speed  float64   `json:"speed"`
	Manual bool      `json:"manual"`
}

func (s *Server) controlTime() wireClock {
	speed, manual := s.clock.Speed()
	return wireClock{s.clock.Now(), speed, manual}
}

func (s *Server) controlClock(r *http.Request) (any, error) {
	var q struct {
		Step  string   `json:"step"`
		Speed *float64 `json:"speed"`
		Next  bool     `json:"next"`
	}
	if err := readControl(r, &q); err != nil {
		return nil, err
	}
	if q.Step != "" {
		d, err := time.ParseDuration(q.Step)
		if err != nil || d < 0 {
			return nil, fmt.Errorf("step %.40q: must be a time such as 30s", q.Step)
		}
		s.clock.Step(d)
	}
	if q.Speed != nil {
		if *q.Speed < 0 || *q.Speed > 1e6 {
			return nil, errors.New("speed: must be from 0 to 1000000")
		}
		s.clock.SetSpeed(*q.Speed)
	}
	if q.Next {
		s.Next()
	}
	return s.controlTime(), nil
}

func (s *Server) controlStock(r *http.Request) (any, error) {
	var q struct {
		Zone    string `json:"zone"`
		Plan    string `json:"plan"`
		Servers *int   `json:"servers"`
	}
	if err := readControl(r, &q); err != nil {
		return nil, err
	}
	_, zone := s.zone(q.Zone)
	if _, plan := s.plan(q.Plan); !zone || !plan && q.Plan != customPlan || q.Servers == nil {
		return nil, fmt.Errorf("zone %.40q, plan %.40q: both must exist, and servers be given (-1 is any number)", q.Zone, q.Plan)
	}
	s.SetStock(q.Zone, q.Plan, *q.Servers)
	return nil, nil
}

func (s *Server) controlAccount(r *http.Request) (any, error) {
	s.mu.Lock()
	next := s.account
	s.mu.Unlock()
	q := struct {
		Credits  *float64 `json:"credits"`
		Trial    *bool    `json:"trial"`
		Creating *int     `json:"creating"`
		Limits   *Limits  `json:"limits"`
	}{&next.Credits, &next.Trial, &next.Creating, &next.Limits}
	if err := readControl(r, &q); err != nil {
		return nil, err
	}
	s.SetAccount(func(a *Account) { *a = next })
	return next, nil
}
