import ArgumentParser
import Basics
import Foundation
import Recording
import SwarmFile

/// `murmur peer`: one peer of a swarm.
struct PeerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peer",
        abstract: "Run one peer of a swarm until the swarm is done, or until it is asked to stop.",
        discussion: """
            Tunes on this peer's own instructions, exchanges adapter deltas with the neighbours of the topology, and \
            leaves a PEFT directory in DIR/NAME/adapter. SIGTERM or Ctrl-C: writes a checkpoint, says goodbye and exits \
            with 0; the same command goes on from there.

            Example:
              murmur peer two-hosts.yaml --as alice --identity alice.identity --out run
            """)

    @Argument(help: "The topology file, the same for every peer.") var topology: String
    @Option(name: .customLong("as"), help: "This peer's name in the topology file.") var name: String
    @Option(help: "The file with this peer's keys (murmur identity new).") var identity: String
    @Option(help: "The folder that receives DIR/NAME.") var out: String
    @Option(
        help: ArgumentHelp(
            "Where to listen, if not where the topology says: the neighbours are told.", valueName: "host:port"))
    var listen: String?
    @Option(help: "A file with revoked keys (murmur identity revoke), one a line; the swarm is told.") var revocation:
        String?
    @OptionGroup var sources: SourceOptions
    @Flag(help: "Write what the trainer returns to DIR/NAME/training.recording, for murmur simulate --trainer DIR.")
    var record = false
    @OptionGroup var compute: ComputeOptions
    @Flag(help: "Print events as JSON lines instead of sentences.") var json = false
    @Flag(help: ArgumentHelp("Print events as JSON lines and leave when standard input closes.", visibility: .hidden))
    var supervised = false

    func validate() throws {
        guard let listen, NetworkAddress(listen).map({ $0.port == 0 }) ?? true else { return }
        throw ValidationError("--listen takes a numeric address and a port: 192.0.2.7:9100 or [2001:db8::7]:9100")
    }

    func run() async throws {
        try await reportingFailures {
            var file = try SwarmTopology.load(path: topology)
            file.makePathsAbsolute(relativeTo: URL(fileURLWithPath: topology).deletingLastPathComponent())
            if let model = sources.model { file.model.base = RunFolder.absolute(model) }
            if let data = sources.data {
                let path = RunFolder.absolute(data)
                // A supervised peer deals from the swarm's source; a peer on its own brings its own records.
                if supervised || file.data.source != nil {
                    file.data.source = path
                } else if let place = file.index(ofPeerNamed: name) {
                    file.peers[place].data = path
                }
            }
            compute.apply(to: &file)
            let run = PeerRun(
                topology: file, name: name, listening: listen.flatMap { NetworkAddress($0) }, identityPath: identity,
                folder: URL(fileURLWithPath: out).appendingPathComponent(name, isDirectory: true),
                dropRate: sources.dropRate, badRecords: sources.badRecords, compute: compute,
                revocationPath: revocation, output: json || supervised ? .json : .sentences, isSupervised: supervised,
                recorder: record ? RecordingFolder(out) : nil)
            try await run.run()
        }
    }
}
