import Basics
import Foundation
import Synchronization

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Sends requests over HTTP and reads what comes back, within bounds of time and size. Redirects are not followed: whoever
/// sends a key elsewhere does so by name.
final class HTTPExchange: Sendable {
    enum Outcome: Sendable {
        case response(status: Int, retryAfter: String?, body: [UInt8])
        case unreachable(String)
        case late
        case tooLarge
    }

    private let session: URLSession
    private let watch: SessionWatch
    private let time: Duration

    /// - Parameters:
    ///   - time: how long a request may take, from its first byte to the response's last.
    ///   - size: the most bytes of a response's body.
    init(time: Duration, size: Int) {
        self.time = time
        watch = SessionWatch(size: size)
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpCookieStorage = nil
        configuration.urlCache = nil
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.httpMaximumConnectionsPerHost = 64
        // The bound is the watch's own, on the whole; the library's, on a pause, stays out of its way.
        configuration.timeoutIntervalForRequest = time.inSeconds + 30
        session = URLSession(configuration: configuration, delegate: watch, delegateQueue: nil)
    }

    deinit { session.invalidateAndCancel() }

    /// Sends `body` as JSON. Where the task is cancelled the exchange ends at once, as unreachable.
    func post(_ body: [UInt8], to url: URL, key: String?) async -> Outcome {
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.httpBody = Data(body)
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue("application/json", forHTTPHeaderField: "Accept")
        request.setValue("murmur/\(Release.version)", forHTTPHeaderField: "User-Agent")
        if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
        let task = session.dataTask(with: request)
        let (time, watch) = (time, watch)
        let alarm = Task {
            try await Task.sleep(for: time)
            watch.end(task.taskIdentifier, .late)
            task.cancel()
        }
        defer { alarm.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                watch.begin(task.taskIdentifier, continuation)
                // Cancelled before it was begun, nobody else would end it.
                if Task.isCancelled { watch.end(task.taskIdentifier, .unreachable("stopped")) } else { task.resume() }
            }
        } onCancel: {
            watch.end(task.taskIdentifier, .unreachable("stopped"))
            task.cancel()
        }
    }
}

/// Follows the requests of a session.
private final class SessionWatch: NSObject, URLSessionDataDelegate, Sendable {
    private struct Entry {
        let continuation: CheckedContinuation<HTTPExchange.Outcome, Never>
        var status = 0
        var retryAfter: String?
        var body: [UInt8] = []
    }

    private let size: Int
    private let entries = Mutex<[Int: Entry]>([:])

    init(size: Int) {
        self.size = size
    }

    func begin(_ task: Int, _ continuation: CheckedContinuation<HTTPExchange.Outcome, Never>) {
        entries.withLock { $0[task] = Entry(continuation: continuation) }
    }

    /// Ends a request that has not ended yet.
    func end(_ task: Int, _ outcome: HTTPExchange.Outcome) {
        entries.withLock { $0.removeValue(forKey: task) }?.continuation.resume(returning: outcome)
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping (URLRequest?) -> Void
    ) {
        end(task.taskIdentifier, .response(status: response.statusCode, retryAfter: nil, body: []))
        completionHandler(nil)
        task.cancel()
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
    ) {
        let isTooLarge = response.expectedContentLength > Int64(size)
        if isTooLarge { end(dataTask.taskIdentifier, .tooLarge) }
        if let response = response as? HTTPURLResponse {
            entries.withLock { entries in
                entries[dataTask.taskIdentifier]?.status = response.statusCode
                entries[dataTask.taskIdentifier]?.retryAfter = response.value(forHTTPHeaderField: "Retry-After")
            }
        }
        completionHandler(isTooLarge ? .cancel : .allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLarge = entries.withLock { entries in
            guard let count = entries[dataTask.taskIdentifier]?.body.count else { return true }
            guard count + data.count <= size else { return true }
            entries[dataTask.taskIdentifier]?.body += data
            return false
        }
        guard isTooLarge else { return }
        end(dataTask.taskIdentifier, .tooLarge)
        dataTask.cancel()
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let entry = entries.withLock({ $0.removeValue(forKey: task.taskIdentifier) }) else { return }
        if let error {
            entry.continuation.resume(returning: .unreachable((error as NSError).localizedDescription))
        } else {
            entry.continuation.resume(
                returning: .response(status: entry.status, retryAfter: entry.retryAfter, body: entry.body))
        }
    }
}
