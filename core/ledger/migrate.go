package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID stands in the file's header: a database without it is not a
// ledger. It reads "Meso".
const applicationID = 0x4d65736f

// schemaVersion is that of the newest migration. The file's user_version says
// which it has, so that a ledger that is up to date opens without goose.
func schemaVersion() int {
	all := steps()
	return int(all[len(all)-1].Version)
}

// steps are the migrations in their order. Each is a file NUMBER_NAME.sql, which
// SQLite reads itself: goose would take it apart first, for tens of milliseconds.
func steps() []*goose.Migration {
	entries, _ := fs.ReadDir(migrations, "migrations") // embedded: cannot fail
	all := make([]*goose.Migration, len(entries))
	for i, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		n, _ := strconv.ParseInt(number, 10, 64)
		all[i] = goose.NewGoMigration(n, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			text, err := migrations.ReadFile("migrations/" + e.Name())
			if err == nil {
				_, err = tx.ExecContext(ctx, string(text))
			}
			return err
		}}, nil)
	}
	return all
}

// migrate brings an existing ledger up to date, one process at a time.
func migrate(ctx context.Context, path string, log *slog.Logger) error {
	return exclusive(ctx, path, func() error {
		return retry(ctx, func() error { return runMigrations(ctx, path, log) })
	})
}

// runMigrations runs what is missing. Each migration is a transaction; the
// version in the header follows last, so that one cut short is seen again.
func runMigrations(ctx context.Context, path string, log *slog.Logger) (err error) {
	db, err := openPool(path, readWrite, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, nil, goose.WithGoMigrations(steps()...), goose.WithSlog(log), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if version, err := provider.GetDBVersion(ctx); err != nil {
		return err
	} else if version > int64(schemaVersion()) {
		return newer(int(version))
	}
	done, err := provider.Up(ctx)
	if err != nil {
		return err
	}
	for _, d := range done {
		log.Debug("ledger migrated", "to", d.Source.Version, "took", d.Duration)
	}
	for _, pragma := range []string{
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("PRAGMA user_version = %d", schemaVersion()),
	} {
		if _, err := db.ExecContext(ctx, pragma); err != nil {
			return err
		}
	}
	return nil
}
