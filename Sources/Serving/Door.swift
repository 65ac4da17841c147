import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import MurmurKit
import NIOCore
import Synchronization

/// Where an endpoint listens, whom it lets in, and how many at a time.
package struct Door: Sendable {
    /// The address to listen on.
    package var host = "127.0.0.1"
    /// The port; zero for any that is free.
    package var port: Int
    /// What visitors must show as `Authorization: Bearer …`; nil for nothing.
    package var token: String?
    /// The most connections at a time.
    package var connections: Int
    /// The environment variable that holds the token, for what people are told.
    package let tokenVariable: String

    package init(port: Int, tokenVariable: String, connections: Int = 256) {
        self.port = port
        self.tokenVariable = tokenVariable
        self.connections = connections
    }

    /// Host and port of `text`: `127.0.0.1:9464`, `[::1]:9464`, `localhost:0`; nil where it is no such thing.
    package static func place(_ text: String) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard let port = UInt16(digits), digits.allSatisfy(\.isNumber) else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        return host.isEmpty ? nil : (host, Int(port))
    }

    /// Whether only programs of this machine reach the address.
    package var isLoopback: Bool { Self.isLoopback(host) }

    /// Whether `host` is a name or address of this machine's loopback.
    static func isLoopback(_ host: String) -> Bool {
        let host = host.lowercased()
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Why it cannot be used, in a sentence; nil where it can.
    package var fault: String? {
        if token?.isEmpty == true { return "the token in \(tokenVariable) is empty" }
        if !isLoopback && token == nil {
            return "\(host) can be reached from other machines: put a token into the environment variable "
                + "\(tokenVariable), which visitors then have to show"
        }
        return nil
    }

    /// The address of what listens at `port`, as a browser takes it.
    package func address(port: Int) -> String {
        "http://" + (host.contains(":") ? "[\(host)]" : host) + ":\(port)/"
    }

    /// Answers as `router` says until the task is cancelled; `ready` hears the port. A connection without a request for
    /// `idleTime` is closed.
    ///
    /// - Throws: `CommandFailure` where the address cannot be listened at.
    func listen(
        _ router: Router<BasicRequestContext>, idleTime: TimeAmount? = nil,
        ready: @escaping @Sendable (Int) async -> Void
    ) async throws {
        var logger = Logger(label: "murmur.serving") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let listener = Listener()
        let application = Application(
            router: router,
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: idleTime)),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port), serverName: "murmur",
                availableConnectionsDelegate: MaximumAvailableConnections(connections)),
            onServerRunning: { channel in
                listener.channel.withLock { $0 = channel }
                await ready(channel.localAddress?.port ?? 0)
            }, logger: logger)
        let work = Task { try await application.run() }
        do {
            try await withTaskCancellationHandler {
                try await work.value
            } onCancel: {
                Task {
                    await listener.close()
                    work.cancel()
                }
            }
        } catch  where Task.isCancelled {
            // That is how it is asked to end.
        } catch let error as IOError {
            throw CommandFailure("cannot listen at \(host):\(port): \(Self.reason(error))")
        } catch let error as SocketAddressError {
            throw CommandFailure("cannot listen at \(host):\(port): \(host) is no address of this machine (\(error))")
        }
    }

    /// What takes the connections of an endpoint.
    private final class Listener: Sendable {
        /// Nil until it listens.
        let channel = Mutex<(any Channel)?>(nil)

        /// Takes no more connections, and lets the address go when those that were about to come have been taken over: one
        /// that nobody takes over is an error in NIOAsyncWriter that ends the process.
        func close() async {
            let moment = Duration.milliseconds(100)
            try? await channel.withLock { $0 }?.setOption(ChannelOptions.autoRead, value: false).get()
            try? await Task.sleep(for: moment)
            try? await channel.withLock { $0 }?.close()
            try? await Task.sleep(for: moment)
        }
    }

    /// Why the system refuses an address, and what to do.
    private static func reason(_ error: IOError) -> String {
        switch error.errnoCode {
        case EADDRINUSE: "another program listens there; name another port, or 0 for one that is free"
        case EADDRNOTAVAIL: "this machine has no such address; name one that it has"
        case EACCES: "the system does not allow it; name a port from 1024 on"
        default: "\(error)"
        }
    }
}

/// What every request passes: who may come in, and errors in the API's form.
struct DoorMiddleware: RouterMiddleware {
    typealias Context = BasicRequestContext

    /// What the token is asked for.
    enum Guarded: Sendable {
        /// What begins with a path. Programs show the token.
        case under(String)
        /// All but a path. A browser asks its user for the token, as a password.
        case allBut(String)
    }

    let door: Door
    let guarded: Guarded

    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            try check(request)
            response = try await next(request, context)
        } catch {
            response = ServingFault(error).response
            if response.status == .unauthorized, case .allBut = guarded {
                response.headers[.wwwAuthenticate] = "Basic realm=\"murmur\", charset=\"UTF-8\""
            }
        }
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }

    private func check(_ request: Request) throws(ServingFault) {
        // A name of another site that leads to this machine must not reach what only this machine may.
        if door.isLoopback, let authority = request.head.authority, !Self.isLoopback(authority: authority) {
            throw ServingFault(
                status: .forbidden, message: "ask for this address by its own name", type: "invalid_request_error")
        }
        guard let token = door.token, isGuarded(request.uri.path) else { return }
        let shown = request.headers[.authorization] ?? ""
        guard Self.equals(shown, "Bearer \(token)") || Self.password(of: shown).map({ Self.equals($0, token) }) == true
        else {
            throw ServingFault(
                status: .unauthorized, message: "show the token: Authorization: Bearer …",
                type: "invalid_request_error", code: "invalid_api_key")
        }
    }

    private func isGuarded(_ path: String) -> Bool {
        switch guarded {
        case .under(let guarded): path.hasPrefix(guarded)
        case .allBut(let open): path != open
        }
    }

    /// The password of a header in the form that browsers send; nil for another form.
    private static func password(of header: String) -> String? {
        guard header.lowercased().hasPrefix("basic "),
            let data = Data(base64Encoded: header.dropFirst(6).trimmingCharacters(in: .whitespaces))
        else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        return text.firstIndex(of: ":").map { String(text[text.index(after: $0)...]) }
    }

    private static func isLoopback(authority: String) -> Bool {
        var host = authority[...]
        if host.hasPrefix("[") {
            host = host.dropFirst().prefix { $0 != "]" }
        } else {
            host = host.prefix { $0 != ":" }
        }
        return Door.isLoopback(String(host))
    }

    /// Whether two texts are the same, in a time that does not tell where they differ.
    private static func equals(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var difference = a.count ^ b.count
        for index in b.indices { difference |= Int(b[index] ^ (index < a.count ? a[index] : 0)) }
        return difference == 0
    }
}
