using System.Threading.Channels;
using TorchSharp;

namespace MappingNets.Examples.Serve;

/// <summary>
/// Collects pictures that come at the same time into one batch, whichever adapters they are for: while the network computes, the next ones wait,
/// and then go through it together.
/// </summary>
internal sealed class Batcher : IAsyncDisposable
{
    private const int Most = 64;

    private readonly AdapterHost host;
    private readonly Channel<Request> waiting = Channel.CreateBounded<Request>(1024);
    private readonly Task work;

    private sealed record Request(torch.Tensor Picture, string? Adapter, TaskCompletionSource<float[]> Answer);

    public Batcher(AdapterHost host)
    {
        this.host = host;
        // A thread of its own: the C library has a heap for each of the threads that make tensors, and each keeps what it once needed.
        work = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>The scores of one picture.</summary>
    /// <param name="picture">(1, 1, 28, 28); it must live until the answer is there.</param>
    /// <param name="adapter">Which adapter answers; null for the base.</param>
    /// <exception cref="KeyNotFoundException">There is no such adapter.</exception>
    public async Task<float[]> Predict(torch.Tensor picture, string? adapter)
    {
        // Named here, so that one unknown name does not fail the others of its batch.
        if (adapter is not null && !host.Names.Contains(adapter))
            throw new KeyNotFoundException($"There is no adapter '{adapter}'.");
        var request = new Request(picture, adapter, new(TaskCreationOptions.RunContinuationsAsynchronously));
        await waiting.Writer.WriteAsync(request);
        return await request.Answer.Task;
    }

    public async ValueTask DisposeAsync()
    {
        waiting.Writer.TryComplete();
        await work;
    }

    private void Work()
    {
        var batch = new List<Request>();
        while (waiting.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            batch.Clear();
            while (batch.Count < Most && waiting.Reader.TryRead(out var request))
                batch.Add(request);
            try
            {
                using var scope = torch.NewDisposeScope();
                var scores = host.PredictEach(torch.cat([.. batch.Select(request => request.Picture)]), [.. batch.Select(request => request.Adapter)]);
                for (var place = 0; place < batch.Count; place++)
                    batch[place].Answer.SetResult([.. scores[place].data<float>()]);
            }
            catch (Exception fault)
            {
                foreach (var request in batch)
                    request.Answer.TrySetException(fault);
            }
        }
    }
}
