// Package sdk is what the author of a Meson plugin imports.
//
// A plugin is one Definition given to Main. The Definition opens providers;
// a provider is a value that implements Compute, Storage, or both, and as many
// abilities (Power, Console, Attacher, Exporter) as its cloud has. The SDK finds
// the abilities from the value's type, serves them over gRPC, decodes and
// validates configuration, carries errors and log lines across the process
// boundary, and ends the process when its host is gone.
//
// Messages are those of proto/meson/plugin/v1, generated into sdk/pb; their
// comments are the contract. NewClient gives the same interfaces over a
// connection, so that callers, wrappers and tests cannot tell a value from a
// process.
package sdk
