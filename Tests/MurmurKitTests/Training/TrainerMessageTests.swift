import Foundation
import MurmurKit
import SwarmFile
import TestSupport
import Testing

@Suite struct TrainerMessageTests {
    @Test func repliesAreRead() throws {
        func reply(_ text: String) throws -> TrainerReply { try TrainerReply(line: Array(text.utf8)) }
        #expect(
            try reply(#"{"type":"ready","protocol":1,"name":"a\u0007b","samples":3,"more":[]}"#)
                == .ready(version: 1, name: "a b", samples: 3, knows: []))
        // What this peer has never heard of is passed over.
        #expect(
            try reply(
                #"{"type":"ready","protocol":1,"name":"a","samples":3,"knows":["proximal","dancing",7,"tracking"]}"#)
                == .ready(version: 1, name: "a", samples: 3, knows: [.proximal, .tracking]))
        #expect(
            try reply(#"{"type":"step","id":4,"number":0,"loss":2.5}"#)
                == .step(id: 4, number: 0, loss: 2.5, gradientNorm: nil))
        #expect(try reply(#"{"type":"trained","id":4,"records":16}"#) == .trained(id: 4, records: 16))
        #expect(try reply(#" {"type":"alive"} "#) == .alive)
        #expect(try reply(#"{"type":"error","message":"no"}"#) == .error(id: nil, message: "no"))
        // A stranger's words stay on one line.
        #expect(
            try reply(#"{"type":"error","message":"a\nb\u2028c\u2029d\u0085e\u001b[2J"}"#)
                == .error(id: nil, message: "a b c d e [2J"))
        #expect(try reply(#"{"type":"cancelled","id":4}"#) == .cancelled(id: 4))
    }

    @Test(arguments: [
        "", "Loading …", "null", "[]", "{}", #"{"type":"dance"}"#, #"{"type":"trained","id":1}"#,
        #"{"type":"trained","id":-1,"records":1}"#, #"{"type":"step","id":1,"number":0,"loss":"2"}"#,
        #"{"type":"step","id":1,"number":0,"loss":1e999}"#, #"{"type":"ready","protocol":1.5,"samples":3}"#,
        #"{"type":"error"}"#, String(repeating: "[", count: 10_000),
    ]) func whatIsNoReplyIsRefused(text: String) {
        #expect(throws: TrainerFault.self) { try TrainerReply(line: Array(text.utf8)) }
    }

    @Test func choicesAreRead() throws {
        let folder = try TemporaryFolder()
        #expect(TrainerChoice(wordOrCommand: "built-in") == .builtIn)
        #expect(TrainerChoice(wordOrCommand: "quadratic") == .quadratic)
        #expect(TrainerChoice(wordOrCommand: folder.url.path) == .recorded(folder: folder.url.path))
        let command = TrainerChoice(wordOrCommand: "python3 -m it")
        #expect(command == .command(SwarmTopology.TrainerCommand(["/bin/sh", "-c", "python3 -m it"])))
    }

    @Test func wordsOfTheFileAreFoundBesideIt() throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "t.py")
        let text = try String(contentsOfFile: SmallTopology.write(in: folder), encoding: .utf8)
        try folder.write(text + "\ntrainer: { command: [python3, t.py, --fast], restarts: 7 }\n", to: "swarm.yaml")
        let topology = try SwarmComposition.load(folder.path("swarm.yaml")).topology
        guard case .command(let command) = topology.trainer(of: "peer-1") else {
            Issue.record("no command")
            return
        }
        #expect(command.command == ["python3", folder.path("t.py"), "--fast"] && command.restarts == 7)
    }

    @Test func theLogNeverGrowsBeyondItsLimit() throws {
        let folder = try TemporaryFolder()
        let log = TrainerLog(path: folder.path("log"), limit: 100)
        for number in 0..<50 { log.write(Array("line \(number)\n".utf8)) }
        log.write([UInt8](repeating: 65, count: 1000))
        #expect(log.lastLine?.hasPrefix("AAA") == true)
        for name in ["log", "log.1"] {
            #expect(try Data(contentsOf: folder.url.appendingPathComponent(name)).count <= 100)
        }
    }
}
