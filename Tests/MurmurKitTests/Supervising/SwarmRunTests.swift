import Foundation
import MurmurKit
import TestSupport
import Testing

/// What a swarm comes to whose peers cannot run; those that can are in EndToEndTests.
@Suite struct SwarmRunTests {
    @Test func peersThatFailAreGivenUp() async throws {
        let folder = try TemporaryFolder()
        let run = try RunFolder.prepare(
            folder.path("run"), topologyPath: try SmallTopology.write(in: folder, firstPort: 24_650), fresh: false)
        var choices = SwarmRun.Choices()
        choices.showsView = false
        choices.executable = URL(fileURLWithPath: "/bin/false")
        var swarm = try SwarmRun(folder: run, choices: choices)
        let result = try await swarm.run()
        #expect(!result.finished && result.status == .failure)
        #expect(result.peers.values.allSatisfy { $0.failure == "ended with exit code 1" })
    }
}
