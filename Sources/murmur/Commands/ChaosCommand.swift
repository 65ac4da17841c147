import ArgumentParser
import Basics
import MurmurKit

/// `murmur chaos`: the relay alone.
struct ChaosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Stand between the peers of a topology and do to their datagrams what a fault file says.",
        discussion: """
            Binds a UDP socket for each directed pair of neighbours, writes for each peer a topology file in which its \
            neighbours are reached through the relay (DIR/NAME.yaml), and relays until it is stopped (Ctrl-C, SIGTERM). \
            Statistics are JSON lines on standard output: what passed each link so far, once a second where it changed. \
            Start every peer with its file and its own --identity.

            Example:
              murmur chaos friends.yaml --faults topologies/faults/lossy.yaml --out relay
              murmur peer relay/alice.yaml --as alice --identity alice.identity --out run
            """)

    @Argument(help: "The topology file, with everyone's id, key and address.") var topology: String
    @Option(help: "The fault file.") var faults: String
    @Option(help: "The folder that receives a topology file for each peer.") var out: String
    @Option(help: "The seed of what is drawn, where the fault file has none; else the swarm's.") var seed: UInt64?
    @Option(help: "The numeric address of this machine at which peers reach the relay.") var host = "127.0.0.1"

    func validate() throws {
        guard NetworkAddress.canonicalHost(host) != nil else {
            throw ValidationError("--host \(host): a numeric address is expected")
        }
        if let reason = NetworkAddress(host: host, port: 1).unreachableReason {
            throw ValidationError("--host \(host) \(reason); give the address at which the peers reach this machine")
        }
    }

    func run() async throws {
        let run = try await ChaosRun(
            swarm: try SwarmComposition.load(topology), topologyPath: topology, faultsPath: faults, seed: seed,
            host: NetworkAddress.canonicalHost(host) ?? host, folder: out)
        await run.carry()
    }
}
