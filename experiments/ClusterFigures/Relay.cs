using System.Net;
using System.Net.Sockets;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>
/// A TCP relay: counts the bytes of both directions, delays each by a time, and lets no more than so many bytes a second of each connection
/// through, one direction beside the other.
/// </summary>
internal sealed class Relay : IDisposable
{
    private readonly CancellationTokenSource end = new();
    private readonly TcpListener listener;
    private readonly IPEndPoint target;
    private long up;
    private long down;

    public Relay(IPEndPoint here, IPEndPoint target)
    {
        (listener, this.target) = (new(here), target);
        listener.Start();
        _ = Accept();
    }

    /// <summary>How late bytes of later connections come.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>How many bytes a second go through a later connection, in each direction; null for as many as come.</summary>
    public double? BytesPerSecond { get; set; }

    /// <summary>Bytes from the worker.</summary>
    public long Up => Interlocked.Read(ref up);

    /// <summary>Bytes to the worker.</summary>
    public long Down => Interlocked.Read(ref down);

    public void Dispose()
    {
        end.Cancel();
        listener.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            for (; ; )
                _ = Serve(await listener.AcceptTcpClientAsync(end.Token));
        }
        catch (Exception fault) when (fault is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
    }

    private async Task Serve(TcpClient worker)
    {
        using (worker)
        using (var silo = new TcpClient { NoDelay = true })
        {
            worker.NoDelay = true;
            try
            {
                await silo.ConnectAsync(target, end.Token);
                await Task.WhenAny(
                    Copy(worker.GetStream(), silo.GetStream(), count => Interlocked.Add(ref up, count)),
                    Copy(silo.GetStream(), worker.GetStream(), count => Interlocked.Add(ref down, count)));
            }
            catch (Exception fault) when (fault is OperationCanceledException or IOException or SocketException)
            {
            }
        }
    }

    // Reading goes on while earlier bytes are on their way, so that a delay is no limit to the rate.
    private async Task Copy(NetworkStream from, NetworkStream to, Action<int> count)
    {
        var (delay, bytesPerSecond) = (Delay, BytesPerSecond);
        var onTheWay = System.Threading.Channels.Channel.CreateUnbounded<(byte[] Bytes, DateTime Due)>();
        var writing = Write(onTheWay.Reader, to);
        var buffer = new byte[1 << 16];
        var free = DateTime.UtcNow;
        int read;
        while ((read = await from.ReadAsync(buffer, end.Token)) > 0)
        {
            count(read);
            var now = DateTime.UtcNow;
            free = (free > now ? free : now) + TimeSpan.FromSeconds(bytesPerSecond is { } rate ? read / rate : 0);
            onTheWay.Writer.TryWrite((buffer[..read], free + delay));
        }

        onTheWay.Writer.Complete();
        await writing;
    }

    private async Task Write(System.Threading.Channels.ChannelReader<(byte[] Bytes, DateTime Due)> from, NetworkStream to)
    {
        await foreach (var (bytes, due) in from.ReadAllAsync(end.Token))
        {
            if (due - DateTime.UtcNow is { Ticks: > 0 } wait)
                await Task.Delay(wait, end.Token);
            await to.WriteAsync(bytes, end.Token);
        }
    }
}
