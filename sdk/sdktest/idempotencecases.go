package sdktest

import "github.com/mesoncloud/meson/sdk/pb"

func idempotenceCases() []Case {
	compute := pb.Compute_ServiceDesc.ServiceName
	return []Case{
		{"again/create", LevelIdempotence, "The same Create ten times makes one machine.", compute, ofMachines(machines.again)},
		{"again/create-parallel", LevelIdempotence, "The same Create ten times at once makes one machine; Busy is a right answer to some.", compute, ofMachines(machines.againAtOnce)},
		{"again/conflict", LevelIdempotence, "The same key with another request hash is a Conflict and changes nothing.", compute, ofMachines(machines.conflict)},
		{"again/two", LevelIdempotence, "Two keys are two machines, and deleting one, ten times at once, leaves the other.", compute, ofMachines(machines.two)},
		{"again/delete-parallel", LevelIdempotence, "The same Delete ten times at once succeeds; Busy is a right answer to some.", compute, ofMachines(machines.deletedAtOnce)},
		{"again/other-broker", LevelIdempotence, "A broker's machines are neither listed for, nor found, nor deleted by another.", compute, ofMachines(machines.otherBroker)},
	}
}
