package fx

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mesoncloud/meson/pricing"
)

// ECB is where the daily reference rates are published.
const ECB = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"

// MaxBytes is how long a file of rates may be. The daily one has about 2 KB.
const MaxBytes = 64 << 10

const (
	maxDepth = 8
	maxCubes = 200
)

// ParseECB reads the ECB's daily file: one day, and for every currency how much
// of it a euro buys. The source is what the rates will say of themselves. A file
// of another form, of several days, with a currency twice, with a document type
// or of more than MaxBytes is refused; so is a day after notAfter, unless that is
// zero.
func ParseECB(data []byte, source string, notAfter time.Time) (*pricing.Rates, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%d bytes of rates: want at most %d", len(data), MaxBytes)
	}
	p := ecb{rates: make(map[string]string)}
	if err := p.read(data); err != nil {
		return nil, fmt.Errorf("ECB rates: %w", err)
	}
	if p.day.IsZero() || len(p.rates) == 0 {
		p.faults = append(p.faults, errors.New("no dated rates: want <Cube time=…><Cube currency=… rate=…/></Cube>"))
	}
	if !notAfter.IsZero() && p.day.After(notAfter) {
		p.faults = append(p.faults, fmt.Errorf("the day %s is yet to come", p.day.Format(time.DateOnly)))
	}
	if len(p.faults) > 0 {
		return nil, fmt.Errorf("ECB rates: %w", errors.Join(p.faults...))
	}
	rates, err := pricing.NewRates("EUR", p.day, source, p.rates)
	if err != nil {
		return nil, fmt.Errorf("ECB rates: %w", err)
	}
	return rates, nil
}

type ecb struct {
	day    time.Time
	rates  map[string]string
	faults []error
	cubes  int
}

func (p *ecb) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf(format, args...))
}

func (p *ecb) read(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("character set %.20q: want UTF-8", charset)
	}
	depth := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return fmt.Errorf("nested more than %d deep", maxDepth)
			}
			if depth == 1 && t.Name.Local != "Envelope" {
				return fmt.Errorf("<%.40s>: want <gesmes:Envelope>", t.Name.Local)
			}
			if t.Name.Local != "Cube" {
				continue
			}
			if p.cubes++; p.cubes > maxCubes {
				return fmt.Errorf("more than %d cubes", maxCubes)
			}
			p.cube(t.Attr)
		case xml.EndElement:
			depth--
		case xml.Directive:
			return errors.New("a document type: want none")
		}
	}
}

func (p *ecb) cube(attributes []xml.Attr) {
	var code, rate string
	for _, a := range attributes {
		switch a.Name.Local {
		case "time":
			day, err := time.Parse(time.DateOnly, a.Value)
			if err != nil {
				p.fault("time %.40q: want a date such as 2026-10-28", a.Value)
			}
			if !p.day.IsZero() {
				p.fault("a second day, %.40q: want the daily file", a.Value)
			}
			p.day = day
		case "currency":
			code = a.Value
		case "rate":
			rate = strings.TrimSpace(a.Value)
		}
	}
	if code == "" && rate == "" {
		return
	}
	if code == "" || rate == "" || p.day.IsZero() {
		p.fault("cube with currency %.20q and rate %.40q: want both, below a day", code, rate)
		return
	}
	if _, twice := p.rates[code]; twice {
		p.fault("currency %.20q is there twice", code)
	}
	p.rates[code] = rate
}
