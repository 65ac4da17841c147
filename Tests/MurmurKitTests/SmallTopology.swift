import Foundation
import TestSupport

/// A topology file of a few peers on this machine, with the built-in model and data.
enum SmallTopology {
    /// Writes it as `swarm.yaml` into `folder` and returns its path.
    static func write(
        in folder: borrowing TemporaryFolder, peers: Int = 2, firstPort: Int = 24_000, rounds: Int = 2,
        extra: String = "",
        data: String = "builtin:chores, count: 200"
    ) throws -> String {
        try folder.write(
            """
            murmuration: 1
            swarm: { name: small, seed: 7\(extra) }
            model: { base: builtin:fledgling, lora: { rank: 2, alpha: 4, targets: [q_proj] } }
            tuning: { template: terse, cutoff: 64, batch: 4, learning-rate: 5e-3, local-steps: 1, rounds: \(rounds) }
            data: { source: \(data), partition: { scheme: iid }, held-out: 1 }
            exchange: { consensus-bound: 1e-2 }
            graph: { kind: complete }
            peers: { count: \(peers), host: 127.0.0.1, first-port: \(firstPort) }
            """, to: "swarm.yaml")
        return folder.path("swarm.yaml")
    }
}
