// Package cli is the command line of Meson: commands over an api.Broker, one
// file each.
//
// The rules of this user interface:
//
//   - Standard output holds the result and nothing else: a table or a few lines
//     for people, or exactly one document with -o json and -o yaml (a stream of
//     lines with events --follow). Everything said on the way, every question
//     and every error goes to standard error.
//   - Colour, questions and lines that rewrite themselves appear on terminals
//     only; NO_COLOR and TERM=dumb are honoured. A command that would have to
//     ask, and cannot, is a usage error.
//   - An error says what was done to what and how it failed, then all faults one
//     per line, then a hint. Its kind decides the exit code, in one table.
//   - What came from a plugin or a provider is printed with its control
//     characters made visible.
//   - The broker is opened by the first command that needs it, never by version,
//     check, schema, completion or a help text.
//   - The first interrupt ends the work and undoes it; the second leaves at once
//     and says what finishes the job.
package cli
