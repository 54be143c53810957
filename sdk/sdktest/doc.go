// Package sdktest is what proves that a plugin keeps the contract: the
// conformance suite (Run for go test, Cases for everything else), an in-memory
// plugin that passes it, and, in cmd, that plugin and a faulty one as binaries.
//
// A plugin's author writes one test:
//
//	func TestConformance(t *testing.T) {
//		sdktest.Run(t, sdktest.Target{
//			Connect: func(ctx context.Context) (sdktest.Plugin, error) { … },
//			Config:  `{"region": "test"}`,
//			Fits:    &pb.Pledge{Slots: 1, MemoryMib: 1024, …},
//			TooBig:  &pb.Pledge{Slots: 256, MemoryMib: 1 << 30, …},
//			// Of a plugin that makes volumes:
//			Volume: &pb.VolumeSpec{SizeBytes: 1 << 30},
//			From:   []*pb.Consumer{{Kinds: …, InitiatorIqn: "iqn.…"}},
//		})
//	}
package sdktest
