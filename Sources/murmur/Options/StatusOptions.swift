import ArgumentParser
import Foundation
import MurmurKit
import Serving

/// Whether a run has a status page, and where.
struct StatusOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Show how the run stands at http://HOST:PORT/, with /metrics for Prometheus and /status.json \
            (docs/watching.md). Port 0 takes one that is free. An address that other machines reach needs a token in \
            the environment variable MURMUR_STATUS_TOKEN.
            """, valueName: "host:port"))
    var status: String?

    func validate() throws {
        guard let status, Door.place(status) == nil else { return }
        throw ValidationError("--status \(status): an address and a port, 127.0.0.1:9464 or [::1]:9464 for example")
    }

    /// Does `body` with the status page of what stands on `board`, where one was asked for. The address is told first;
    /// where it cannot be had, nothing is done.
    func whileShowing<Result>(_ board: StatusBoard, _ body: () async throws -> Result) async throws -> Result {
        guard let place = status.flatMap({ Door.place($0) }) else { return try await body() }
        var door = Door(port: place.port, tokenVariable: "MURMUR_STATUS_TOKEN", connections: 32)
        door.host = place.host
        door.token = ProcessInfo.processInfo.environment[door.tokenVariable]
        if let fault = door.fault { throw CommandFailure(fault) }
        return try await StatusServer(board, door: door).whileListening(
            announce: { Terminal.note("status: \($0)") }, body)
    }
}
