package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// PutTerms implements [Prices].
func (s *SQLite) PutTerms(ctx context.Context, scope string, t pricing.Terms) error {
	const op = "keep terms"
	subject := termsSubject(scope)
	if faults := termFaults(scope, t); faults != nil {
		return failure(op, subject, &core.Error{Kind: core.Invalid, Faults: faults})
	}
	record := ""
	if !t.IsZero() {
		var err error
		if record, err = encode(inUTC(t)); err != nil {
			return failure(op, subject, err)
		}
	}
	return failure(op, subject, s.write(ctx, func(tx *sql.Tx) error {
		if scope != "" {
			if _, err := providerIn(ctx, tx, scope); err != nil {
				return err
			}
		}
		was := ""
		err := each(ctx, tx, `SELECT record FROM terms WHERE scope = $1`, []any{scope},
			func(row *sql.Rows) error { return row.Scan(&was) })
		if err != nil || was == record {
			return err
		}
		text := subject + ": " + describeTerms(t)
		if record == "" {
			text = subject + ": removed"
			_, err = tx.ExecContext(ctx, `DELETE FROM terms WHERE scope = $1`, scope)
		} else {
			_, err = tx.ExecContext(ctx, `INSERT INTO terms (scope, record) VALUES ($1, $2)
				ON CONFLICT (scope) DO UPDATE SET record = excluded.record`, scope, record)
		}
		if err != nil {
			return err
		}
		return s.addEvent(ctx, tx, core.Event{Step: StepTermsPut, Text: text})
	}))
}

func describeTerms(t pricing.Terms) string {
	var parts []string
	for _, r := range t.Rules[:min(len(t.Rules), 5)] {
		parts = append(parts, string(r.Stage)+" "+short(r.Name))
	}
	if n := len(t.Rules) - len(parts); n > 0 {
		parts = append(parts, fmt.Sprintf("and %d rules more", n))
	}
	if t.TaxNote != "" {
		parts = append(parts, "tax note "+t.TaxNote)
	}
	return strings.Join(parts, ", ")
}

// termFaults are what is wrong with terms by themselves, and where they would
// stand.
func termFaults(scope string, t pricing.Terms) []core.Fault {
	var faults []core.Fault
	if err := t.Check(); err != nil {
		each := []error{err}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			each = joined.Unwrap()
		}
		for _, e := range each {
			faults = append(faults, core.Fault{Text: e.Error()})
		}
	}
	for i, r := range t.Rules {
		if known := r.Stage == pricing.StageOperatorFee; known == (scope == "") {
			continue
		}
		f := core.Fault{Path: fmt.Sprintf("rules[%d].stage", i), Have: fmt.Sprintf("%.20s", r.Stage)}
		if scope == "" {
			f.Want = string(pricing.StageOperatorFee)
			f.Text = fmt.Sprintf("rule %d, %.64q: want %s in the operator's terms; any other rule is a provider's", i+1, r.Name, f.Want)
		} else {
			f.Want = "any other"
			f.Text = fmt.Sprintf("rule %d, %.64q: %s belongs to the operator's terms", i+1, r.Name, r.Stage)
		}
		faults = append(faults, f)
	}
	return faults
}

// inUTC is a copy whose times are as all are kept.
func inUTC(t pricing.Terms) pricing.Terms {
	t.Rules = slices.Clone(t.Rules)
	for i := range t.Rules {
		t.Rules[i].From, t.Rules[i].Until = t.Rules[i].From.UTC(), t.Rules[i].Until.UTC()
	}
	return t
}

// Terms implements [Prices].
func (s *SQLite) Terms(ctx context.Context) (map[string]pricing.Terms, error) {
	all := make(map[string]pricing.Terms)
	err := s.query(ctx, `SELECT scope, record FROM terms`, nil, func(row *sql.Rows) error {
		var scope, record string
		if err := row.Scan(&scope, &record); err != nil {
			return err
		}
		var t pricing.Terms
		err := decode(record, &t)
		all[scope] = t
		return err
	})
	if err != nil {
		return nil, failure("list terms", "", err)
	}
	return all, nil
}

func termsSubject(scope string) string {
	if scope == "" {
		return "terms of the operator"
	}
	return "terms of provider " + short(scope)
}
