package sdk

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/mesoncloud/meson/sdk/pb"
)

// The table of errors in the guide has a row for each kind, with its code.
func TestDocsErrors(t *testing.T) {
	const name = "../docs/plugin-authors.md"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for number, wire := range pb.ErrorKind_name {
		kind, ok := kindFromWire(pb.ErrorKind(number))
		if !ok {
			continue // unspecified
		}
		if row := fmt.Sprintf("\n| `%s` | %s |", kind, capitals(kind.code())); !strings.Contains(page, row) {
			t.Errorf("%s has no row %q for %s", name, row, wire)
		}
	}
	if rows := strings.Count(page, "\n| `"); rows < len(pb.ErrorKind_name)-1 {
		t.Errorf("%s has %d rows", name, rows)
	}
}

// capitals is a code as gRPC's documents write it, such as INVALID_ARGUMENT.
func capitals(c codes.Code) string {
	return strings.ToUpper(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(c.String(), "${1}_$2"))
}
