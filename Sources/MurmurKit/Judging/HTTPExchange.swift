import AsyncHTTPClient
import Basics
import Foundation
import NIOCore
import NIOHTTP1

/// Sends requests over HTTP and reads what comes back, within bounds of time and size. Redirects are not followed: whoever
/// sends a key elsewhere does so by name.
struct HTTPExchange: Sendable {
    enum Outcome: Sendable {
        case response(status: Int, retryAfter: String?, body: [UInt8])
        case unreachable(String)
        case late
        case tooLarge
    }

    /// How long a request may take, from its first byte to the response's last.
    let time: Duration
    /// The most bytes of a response's body.
    let size: Int

    /// One for the process, with connections that stay open between requests. It ends with the process.
    private static let client = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: {
            var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
            configuration.timeout.connect = .seconds(30)
            // Trying again is the retry policy's.
            configuration.connectionPool.retryConnectionEstablishment = false
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
            return configuration
        }())

    /// Sends `body` as JSON. Where the task is cancelled the exchange ends at once, as unreachable.
    func post(_ body: [UInt8], to url: URL, key: String?) async -> Outcome {
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "murmur/\(Release.version)")
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        request.body = .bytes(body)
        return await withTaskGroup(of: Outcome?.self) { [request] group in
            group.addTask { await exchange(request) }
            group.addTask {
                // The library's own deadline ends with the response's head; this one is for all of it.
                do { try await Task.sleep(for: time) } catch { return nil }
                return .late
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? .unreachable("stopped")
        }
    }

    private func exchange(_ request: HTTPClientRequest) async -> Outcome {
        do {
            let response = try await Self.client.execute(
                request, timeout: .nanoseconds(Int64(min(time.inSeconds, 1e9) * 1e9)))
            let body = try await response.body.collect(upTo: size)
            return .response(
                status: Int(response.status.code), retryAfter: response.headers.first(name: "Retry-After"),
                body: Array(body.readableBytesView))
        } catch is NIOTooManyBytesError {
            return .tooLarge
        } catch is CancellationError {
            return .unreachable("stopped")
        } catch let error as HTTPClientError {
            return error == .deadlineExceeded ? .late : .unreachable(error.shortDescription)
        } catch {
            return .unreachable("\(error)")
        }
    }
}
