package image

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errNoJob is what starts a job that has nothing to do.
var errNoJob = errors.New("nothing to do")

// job runs a block job to its end, or joins one that was begun before under the
// same id. When the context ends, the job is cancelled first; one that had come to
// its end by then is no error.
func (d *Daemon) job(ctx context.Context, op, id string, percent func(float64), start func(*qmp) error) error {
	id = "c-" + id
	started := false
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		var over bool
		err := d.with(ctx, op, func(q *qmp) error {
			j, err := findJob(q, id)
			switch {
			case err != nil:
				return err
			case j == nil && started:
				return fmt.Errorf("the job %s is gone", id)
			case j == nil:
				err := start(q)
				over, started = errors.Is(err, errNoJob), true
				if over {
					return nil
				}
				return err
			}
			started = true
			if percent != nil && j.Total > 0 {
				percent(100 * float64(j.Current) / float64(j.Total))
			}
			switch j.Status {
			case "ready":
				return q.do("job-complete", map[string]any{"id": id}, nil)
			case "concluded":
				over = true
				err := q.do("job-dismiss", map[string]any{"id": id}, nil)
				if j.Error != "" {
					return toolError(op, d.dir, j.Error, errors.New("the job failed"))
				}
				return err
			}
			return nil
		})
		switch {
		case ctx.Err() != nil && !over:
			if started && d.cancel(context.WithoutCancel(ctx), op, id) == nil {
				return nil
			}
			return failed(op, d.dir, context.Cause(ctx))
		case err != nil, over:
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// jobState is a job as query-jobs has it.
type jobState struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	Current uint64 `json:"current-progress"`
	Total   uint64 `json:"total-progress"`
	Error   string `json:"error"`
}

func findJob(q *qmp, id string) (*jobState, error) {
	var all []jobState
	if err := q.do("query-jobs", nil, &all); err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID == id {
			return &all[i], nil
		}
	}
	return nil, nil
}

// cancelPatience is how long a job that is cancelled may take to end.
const cancelPatience = 2 * time.Second

var errCancelled = errors.New("the job was cancelled")

// cancel ends a job and waits a while for its end. nil: it had come to its own end,
// without an error, before.
func (d *Daemon) cancel(ctx context.Context, op, id string) error {
	ctx, done := context.WithTimeout(ctx, cancelPatience)
	defer done()
	return d.with(ctx, op, func(q *qmp) error {
		_ = q.do("block-job-cancel", map[string]any{"device": id, "force": true}, nil)
		for {
			j, err := findJob(q, id)
			switch {
			case err != nil:
				return err
			case j == nil:
				return errCancelled
			case j.Status == "concluded":
				err := q.do("job-dismiss", map[string]any{"id": id}, nil)
				if err == nil && j.Error != "" {
					err = errCancelled
				}
				return err
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
}
