import Foundation
package import Storage

/// A visitor of an endpoint over a plain socket, on a thread of its own: nothing between the test and the bytes.
package struct HTTPVisitor: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let headers: String
        package let body: String

        package var json: JSONValue { (try? JSONValue.parse(Array(body.utf8))) ?? .null }
        /// The texts of server-sent events.
        package var events: [String] {
            body.components(separatedBy: "\n\n").filter { $0.hasPrefix("data: ") }.map { String($0.dropFirst(6)) }
        }
    }

    package let port: Int

    package init(port: Int) {
        self.port = port
    }

    /// Asks, and reads the answer to its end, or up to `limit` bytes and then leaves.
    package func ask(
        _ method: String, _ path: String, body: String? = nil, headers: [String: String] = [:], limit: Int = .max
    ) async throws -> Answer {
        var lines = ["\(method) \(path) HTTP/1.1", "Connection: close"]
        var all = ["Host": "127.0.0.1:\(port)"]
        if let body {
            all["Content-Type"] = "application/json"
            all["Content-Length"] = "\(body.utf8.count)"
        }
        all.merge(headers) { $1 }
        lines += all.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        let text = lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")
        let port = port
        let bytes: [UInt8] = try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try Self.exchange(text, port: port, limit: limit) }) }.start()
        }
        return Self.parsed(bytes)
    }

    /// Asks and stays, without reading anything, until the guest leaves.
    package func stay(_ path: String, body: String) throws -> Guest {
        let head = "POST \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Type: application/json\r\n"
        let text = head + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
        return Guest(descriptor: try Self.sent(text, port: port))
    }

    /// Somebody who waits for an answer.
    package struct Guest: ~Copyable {
        fileprivate let descriptor: Int32

        /// Closes the connection.
        package consuming func leave() { close(descriptor) }
    }

    struct SocketFailure: Error { let step: String }

    private static func exchange(_ text: String, port: Int, limit: Int) throws -> [UInt8] {
        let descriptor = try sent(text, port: port)
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count < limit {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return bytes
    }

    /// A connection on which `text` is sent; whoever gets it closes it.
    private static func sent(_ text: String, port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw SocketFailure(step: "socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            close(descriptor)
            throw SocketFailure(step: "connect")
        }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { break }
            rest = rest.dropFirst(sent)
        }
        return descriptor
    }

    private static func parsed(_ bytes: [UInt8]) -> Answer {
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = text.components(separatedBy: "\r\n\r\n")
        let head = parts.first ?? ""
        var body = parts.dropFirst().joined(separator: "\r\n\r\n")
        if head.lowercased().contains("transfer-encoding: chunked") { body = unchunked(Array(body.utf8)) }
        let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return Answer(status: status, headers: head, body: body)
    }

    private static func unchunked(_ bytes: [UInt8]) -> String {
        var (rest, result) = (bytes[...], [UInt8]())
        while let end = rest.firstIndex(of: 13),
            let size = Int(String(decoding: rest[rest.startIndex..<end], as: UTF8.self), radix: 16), size > 0
        {
            let body = rest.dropFirst(end - rest.startIndex + 2)
            result += body.prefix(size)
            rest = body.dropFirst(size + 2)
        }
        return String(decoding: result, as: UTF8.self)
    }
}
