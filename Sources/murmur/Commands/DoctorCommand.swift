import ArgumentParser
import Basics
import MurmurKit

/// `murmur doctor`: whether a peer could take part.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say whether a peer reaches its neighbours, and whether keys, settings and clocks fit.",
        discussion: """
            Makes a real handshake with each neighbour from the peer's own address, compares what must be the same \
            everywhere, tries how long datagrams may be, and leaves. Neighbours have to be running: their peers, or a \
            doctor of their own at the same time.

            Neighbours at work see a session begin and end, and wait for the peer as before. With --handshakes-only \
            they notice nothing, and settings and clocks are not compared. That is also done where the peer itself is \
            running, from another port, so that its sessions stay as they are.

            Exit codes: 0: everybody was reached and has the same settings. 3: somebody was not reached, or did not \
            tell its settings. 4: nobody was reached. 7: somebody has other settings. 1: it could not be tried.

            Examples:
              murmur doctor friends.yaml --as alice --identity alice.identity
              murmur doctor friends.yaml --as alice --identity alice.identity \\
                  --handshakes-only --json
            """)

    @Argument(help: "The topology file, the same for every peer.") var topology: String
    @Option(name: .customLong("as"), help: "The peer's name in the topology file.") var name: String
    @Option(help: "The file with the peer's keys (murmur identity new).") var identity: String
    @Option(help: ArgumentHelp("Where to listen, if not where the topology says.", valueName: "host:port"))
    var listen: String?
    @Option(help: "Seconds for which neighbours are tried that do not answer.") var patience = 8.0
    @Flag(help: "Begin no session: neighbours at work notice nothing, and settings are not compared.")
    var handshakesOnly = false
    @OptionGroup var sources: SourceOptions
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard patience > 0, patience <= 3600 else {
            throw ValidationError("--patience \(patience): above 0, at most 3600")
        }
        guard let listen, NetworkAddress(listen) == nil else { return }
        throw ValidationError("--listen takes a numeric address and a port: 192.0.2.7:9100 or [2001:db8::7]:9100")
    }

    func run() async throws {
        var swarm = try SwarmComposition.load(topology)
        swarm.replaceSources(by: sources.choices, ofPeer: name)
        var choices = Doctor.Choices()
        choices.listening = listen.flatMap { NetworkAddress($0) }
        choices.patience = .seconds(patience)
        choices.handshakesOnly = handshakesOnly
        _ = try swarm.place(of: name)
        let doctor = try Doctor(
            swarm, name: name, identityPath: identity,
            settings: Doctor.settings(of: name, in: swarm, sources: sources.choices), choices: choices)
        let diagnosis = try await doctor.run()
        Terminal.print(json ? try JSONText.of(diagnosis) : diagnosis.lines.joined(separator: "\n"))
        if diagnosis.status != .success { throw diagnosis.status }
    }
}
