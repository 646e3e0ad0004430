using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace MappingNets.Tests.Serve;

/// <summary>A page in a Chromium without a window, driven by its DevTools protocol.</summary>
internal sealed partial class ChromiumPage : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];

    private readonly TemporaryFolder profile;
    private readonly Process process;
    private readonly ClientWebSocket socket;
    private readonly Queue<JsonElement> events = new();
    private int sent;
    private int watched;

    private ChromiumPage(TemporaryFolder profile, Process process, ClientWebSocket socket) =>
        (this.profile, this.process, this.socket) = (profile, process, socket);

    /// <summary>The program; null where none is on the path.</summary>
    public static string? Program { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    public static async Task<ChromiumPage> Open(Uri address)
    {
        using var stop = new CancellationTokenSource(Patience);
        var profile = new TemporaryFolder();
        var process = Process.Start(new ProcessStartInfo(
            Program!,
            ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", $"--user-data-dir={profile.Path}", "about:blank"])
        {
            RedirectStandardError = true,
        })!;
        var socket = new ClientWebSocket();
        var page = new ChromiumPage(profile, process, socket);
        try
        {
            await socket.ConnectAsync(await SocketOf(process, stop.Token), stop.Token);
            await page.Command("Page.enable", new { }, stop.Token);
            await page.Command("Page.setLifecycleEventsEnabled", new { enabled = true }, stop.Token);
            await page.Load(address, stop.Token);
            return page;
        }
        catch
        {
            await page.DisposeAsync();
            throw;
        }
    }

    /// <summary>Resolves when a condition on the page holds, looked at again whenever the page changes.</summary>
    public Task<string> When(string condition, string then, CancellationToken stop) => Evaluate(Promise(condition, then), stop);

    /// <summary>Looks from now on for a condition that may not hold for long.</summary>
    /// <returns>Waits until it has held.</returns>
    public async Task<Func<Task<string>>> Watch(string condition, string then, CancellationToken stop)
    {
        var promise = $"window.watched{++watched}";
        await Evaluate($"{promise} = {Promise(condition, then)}; 'looking'", stop);
        return () => Evaluate(promise, stop);
    }

    /// <summary>The value of an expression, as text; a promise is waited for.</summary>
    public async Task<string> Evaluate(string expression, CancellationToken stop)
    {
        var result = await Command("Runtime.evaluate", new { expression, awaitPromise = true }, stop);
        return result.TryGetProperty("exceptionDetails", out var fault)
            ? throw new InvalidOperationException($"{expression}: {fault}")
            : result.GetProperty("result").TryGetProperty("value", out var value) ? value.ToString() : "";
    }

    public async ValueTask DisposeAsync()
    {
        // Where it closes by itself, none of its processes writes to the profile any more.
        try
        {
            using var stop = new CancellationTokenSource(Patience);
            await Send("Browser.close", new { }, stop.Token);
            await process.WaitForExitAsync(stop.Token);
        }
        catch (Exception fault) when (fault is WebSocketException or InvalidOperationException or OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }

        socket.Dispose();
        process.Dispose();
        profile.Dispose();
    }

    private static string Promise(string condition, string then) =>
        $$"""
        new Promise(done => {
          const look = () => { if ({{condition}}) done(String({{then}})); };
          new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
          look();
        })
        """;

    // What is evaluated before would run in the empty page, which tells of its own loading too.
    private async Task Load(Uri address, CancellationToken stop)
    {
        var navigation = await Command("Page.navigate", new { url = address }, stop);
        if (navigation.TryGetProperty("errorText", out var fault))
            throw new InvalidOperationException($"{address}: {fault}");
        var loader = navigation.GetProperty("loaderId").GetString();
        while (!IsLoaded(events.TryDequeue(out var heard) ? heard : await Receive(stop), loader))
        {
        }
    }

    private static bool IsLoaded(JsonElement heard, string? loader) =>
        heard.GetProperty("method").GetString() == "Page.lifecycleEvent"
        && heard.GetProperty("params") is var told && told.GetProperty("name").GetString() == "load" && told.GetProperty("loaderId").GetString() == loader;

    // Chromium writes where it listens to its error output; the page has a socket of its own.
    private static async Task<Uri> SocketOf(Process process, CancellationToken stop)
    {
        while (await process.StandardError.ReadLineAsync(stop) is { } line)
            if (Listening().Match(line) is { Success: true } match)
            {
                _ = process.StandardError.ReadToEndAsync(CancellationToken.None);
                using var client = new HttpClient();
                while (true)
                {
                    var pages = await client.GetFromJsonAsync<JsonElement>($"http://127.0.0.1:{match.Groups[1].Value}/json", stop);
                    foreach (var page in pages.EnumerateArray())
                        if (page.GetProperty("type").GetString() == "page")
                            return new(page.GetProperty("webSocketDebuggerUrl").GetString()!);
                }
            }

        throw new InvalidOperationException($"{Program} ended before it listened.");
    }

    private async Task<JsonElement> Command(string method, object @params, CancellationToken stop)
    {
        var id = await Send(method, @params, stop);
        while (true)
        {
            var answer = await Receive(stop);
            if (answer.TryGetProperty("id", out var number) && number.GetInt32() == id)
                return answer.TryGetProperty("result", out var result) ? result : throw new InvalidOperationException($"{method}: {answer}");
            if (answer.TryGetProperty("method", out _))
                events.Enqueue(answer);
        }
    }

    private async Task<int> Send(string method, object @params, CancellationToken stop)
    {
        var id = ++sent;
        await socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { id, method, @params }), WebSocketMessageType.Text, endOfMessage: true, stop);
        return id;
    }

    private async Task<JsonElement> Receive(CancellationToken stop)
    {
        using var whole = new MemoryStream();
        var buffer = new byte[16384];
        ValueWebSocketReceiveResult part;
        do
        {
            part = await socket.ReceiveAsync(buffer.AsMemory(), stop);
            whole.Write(buffer, 0, part.Count);
        }
        while (!part.EndOfMessage);
        return JsonDocument.Parse(whole.ToArray()).RootElement.Clone();
    }

    [GeneratedRegex(@"DevTools listening on ws://127\.0\.0\.1:(\d+)/")]
    private static partial Regex Listening();
}
