import ArgumentParser
import Basics
import Cryptography
import MurmurKit
import Wire

/// `murmur identity`: keys of a peer.
struct IdentityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity",
        abstract: "Make a peer's keys, or show their public part.",
        subcommands: [New.self, Show.self, Revoke.self])

    /// `murmur identity new FILE`
    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make keys and keep them in FILE, readable by you alone.",
            discussion: """
                The printed id and key go into the topology file that the swarm shares; the file itself is secret.

                Example:
                  murmur identity new alice.identity
                """)

        @Argument(help: "The file to make; an existing one is never replaced.") var file: String
        @Flag(help: "Print the public part as JSON.") var json = false

        func run() async throws {
            let identity = try IdentityFile.create(at: file)
            print(try IdentityReport(identity).text(asJSON: json))
        }
    }

    /// `murmur identity show FILE`
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the public part of the keys in FILE.",
            discussion: """
                Example:
                  murmur identity show alice.identity --json
                """)

        @Argument(help: "A file made by `murmur identity new`.") var file: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            print(try IdentityReport(try IdentityFile.read(file)).text(asJSON: json))
        }
    }
}

extension IdentityCommand {
    /// `murmur identity revoke FILE --topology TOPOLOGY`
    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the revocation of the keys in FILE: whoever takes it trusts them no more.",
            discussion: """
                The revocation is no secret, holds for one swarm and cannot be taken back. Make it when you make the keys and \
                keep it where the keys are not. One peer that is started with it tells the others.

                Example:
                  murmur identity revoke alice.identity --topology two-hosts.yaml \\
                      > alice.revocation
                  murmur peer two-hosts.yaml --as bob --identity bob.identity --out run \\
                      --revocation alice.revocation
                """)

        @Argument(help: "A file made by `murmur identity new`.") var file: String
        @Option(help: "The topology file of the swarm.") var topology: String

        func run() async throws {
            let swarm = try SwarmComposition.load(topology)
            let keys = try IdentityFile.read(file)
            let secret = try swarm.secret()
            print(Revocation(of: keys.signing, swarm: secret.identifier).encoded.hexadecimal)
        }
    }
}

/// The public part of an identity, for people or programs.
private struct IdentityReport: Encodable {
    let id: String
    let key: String

    init(_ keys: IdentityKeys) {
        id = keys.signing.publicKey.hexadecimal
        key = keys.exchange.publicKey.hexadecimal
    }

    func text(asJSON: Bool) throws -> String {
        asJSON ? try JSONText.of(self) : "id:  \(id)\nkey: \(key)"
    }
}
