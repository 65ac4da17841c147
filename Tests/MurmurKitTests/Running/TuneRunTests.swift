import Adapters
import Foundation
import MurmurKit
import TestSupport
import Testing

@Suite struct TuneRunTests {
    static func run(_ folder: String, steps: Int, startsAnew: Bool = false) async throws {
        let file = try TemporaryFolder()
        let topology = try SwarmComposition.load(try SmallTopology.write(in: file)).topology
        let records = try ModelComposition.records("builtin:chores", topology)
        let run = try TuneRun(
            topology, records: records, compute: ComputeChoices(threads: 1), folder: folder, steps: steps, saveEvery: 2,
            startsAnew: startsAnew, json: true)
        try await run.run()
    }

    @Test func itGoesOnWhereItWasStopped() async throws {
        let folder = try TemporaryFolder()
        // Ten steps are taken at a time. Where a run stops in their midst it rounds once more, and goes on from there.
        try await Self.run(folder.path("steady"), steps: 12)
        try await Self.run(folder.path("stopped"), steps: 10)
        try await Self.run(folder.path("stopped"), steps: 12)
        let steady = try PEFTDirectory.read(folder.path("steady"))
        #expect(try PEFTDirectory.read(folder.path("stopped")).values == steady.values)
        let more = await #expect(throws: CommandFailure.self) { try await Self.run(folder.path("steady"), steps: 2) }
        #expect(more?.description.contains("12 steps already") == true)
        try await Self.run(folder.path("steady"), steps: 2, startsAnew: true)
    }

    @Test(arguments: [0, 7, 100]) func aStateThatIsNoneIsRefused(length: Int) async throws {
        let folder = try TemporaryFolder()
        try await Self.run(folder.path("run"), steps: 1)
        let state = folder.path("run/state.bin")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: state))
        try bytes.prefix(length).write(to: URL(fileURLWithPath: state))
        await #expect(throws: CommandFailure.self) { try await Self.run(folder.path("run"), steps: 2) }
        var spoilt = bytes
        spoilt.replaceSubrange(8..<12, with: [0, 0, 0xc0, 0x7f])
        try spoilt.write(to: URL(fileURLWithPath: state))
        let failure = await #expect(throws: CommandFailure.self) { try await Self.run(folder.path("run"), steps: 2) }
        #expect(failure?.description.contains("not finite, the first (nan) at [0]") == true)
        // All values are there, and the trainer's snapshot is not whole.
        try bytes.dropLast(1).write(to: URL(fileURLWithPath: state))
        await #expect(throws: CommandFailure.self) { try await Self.run(folder.path("run"), steps: 2) }
    }

    @Test func aFolderThatCannotBeMadeIsNamed() async throws {
        let failure = await #expect(throws: CommandFailure.self) { try await Self.run("/proc/none", steps: 1) }
        #expect(failure?.description.contains("cannot make the folder") == true)
    }
}
