// Package upcloud is an emulator of UpCloud's API 1.3: an http.Handler with the
// cloud's resources, delays, limits and faults behind it, for tests and for
// people who want to try a provider without an account.
//
//	s := upcloud.NewServer(upcloud.Options{Seed: 1})
//	defer s.Close()
//	web := httptest.NewServer(s)
//	// A client of web.URL with upcloud.DefaultToken creates servers.
//	s.Faults().Add(upcloud.Fault{Kind: upcloud.FaultCapacity, Zone: "fi-hel1"})
//	// ... and after the test nothing may be left that costs:
//	if left := s.Stats().Charges; len(left) > 0 { ... }
//
// What of its behaviour is recorded from the real service, what is documented
// and what is merely assumed is listed by Behaviours and in BEHAVIOUR.md.
//
// Time is the Clock's: states change as virtual time passes, and at once on a
// clock of speed 0. Identifiers, addresses and delays follow from the seed and
// the order of the requests, so that a run can be repeated.
//
// It keeps no bytes of any disk and boots nothing. It shares no type with
// UpCloud's SDK, so that a fault of the SDK cannot hide in it.
package upcloud
