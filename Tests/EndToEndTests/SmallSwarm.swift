import Foundation
import Observability

/// A swarm that is over in seconds: the built-in model and data on a few peers of this machine.
struct SmallSwarm {
    /// The folder that holds everything.
    let folder: String
    /// The peers' names.
    let names: [String]

    var topology: String { folder + "/swarm.yaml" }
    var out: String { folder + "/run" }

    /// Writes the topology. Each test has ports of its own, below those that the system gives out by itself.
    init(in folder: String, firstPort: Int, peers: Int = 4, rounds: Int = 6, localSteps: Int = 2) throws {
        self.folder = folder
        names = (0..<peers).map { "peer-\($0)" }
        try """
        # A small swarm for tests.
        murmuration: 1
        swarm: { name: small, seed: 7 }
        model: { base: builtin:fledgling, lora: { rank: 4, alpha: 8, targets: [q_proj, v_proj, down_proj] } }
        tuning: { template: terse, cutoff: 64, batch: 8, learning-rate: 5e-3, local-steps: \(localSteps), rounds: \(rounds) }
        data: { source: builtin:chores, count: 800, partition: { scheme: dirichlet, alpha: 0.5, minimum: 40 }, held-out: 3 }
        exchange: { consensus-bound: 1e-3 }
        graph: { kind: ring }
        peers: { count: \(peers), host: 127.0.0.1, first-port: \(firstPort) }
        """.write(toFile: topology, atomically: true, encoding: .utf8)
    }

    /// A peer's events so far.
    func events(_ name: String) -> [LoggedEvent] {
        (try? LoggedEvent.read(URL(fileURLWithPath: "\(out)/\(name)/events.jsonl"))) ?? []
    }

    /// Waits until `condition` holds, a hundredth of a second at a time; false after `seconds`.
    static func wait(_ seconds: Double = 120, until condition: () -> Bool) async -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        while !condition() {
            if Date() > end { return false }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return true
    }

    /// `summary.json` of the run.
    func summary() throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: out + "/summary.json"))
        return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }
}
