namespace MappingNets;

/// <summary>
/// The batches of a run. Those of a data set that makes its samples are made ahead on another thread, one after another, while the network
/// computes; which samples a batch has, and what is in it, does not depend on that.
/// </summary>
internal sealed class BatchesAhead : IDisposable
{
    private readonly Dataset data;
    private readonly StepShape shape;
    private readonly int ahead;
    private readonly Func<int, long[]> orderOf;
    private readonly Dictionary<int, long[]> orders = [];
    private readonly Queue<(Place Place, Task<Batch> Batch)> queue = new();
    private Task last = Task.CompletedTask;
    private Place expected = new(1, 0);

    private readonly record struct Place(int Epoch, int First);

    /// <summary>Nothing is made before the first batch is taken.</summary>
    /// <param name="data">The training set.</param>
    /// <param name="shape">How the run cuts it.</param>
    /// <param name="ahead">How many batches may wait, at least 0.</param>
    /// <param name="orderOf">The order of the samples in an epoch.</param>
    public BatchesAhead(Dataset data, StepShape shape, int ahead, Func<int, long[]> orderOf)
    {
        (this.data, this.shape, this.orderOf) = (data, shape, orderOf);
        this.ahead = data.MakesSamples ? ahead : 0;
    }

    /// <summary>The samples of an epoch from a place on; the caller disposes the batch.</summary>
    /// <param name="epoch">The epoch, from 1.</param>
    /// <param name="first">The place in the epoch's order.</param>
    public Batch Take(int epoch, int first)
    {
        var place = new Place(epoch, first);
        // Who takes its batches in another order, as one of several workers does, gets each when it is wanted.
        var isExpected = place == expected;
        expected = After(place);
        if (!isExpected || ahead == 0)
        {
            Empty();
            return Make(place);
        }

        var batch = queue.TryDequeue(out var made) ? made.Batch : Task.FromResult(Make(place));
        for (var next = queue.Count == 0 ? expected : After(queue.Last().Place); queue.Count < ahead && next.Epoch <= shape.Epochs; next = After(next))
        {
            var wanted = next;
            // The order is computed here, so that the other thread touches the data set only.
            var places = PlacesOf(wanted);
            var making = last.ContinueWith(_ => data.At(places, wanted.Epoch), TaskScheduler.Default);
            queue.Enqueue((wanted, making));
            last = making;
        }

        return batch.GetAwaiter().GetResult();
    }

    /// <summary>Waits for what is being made, and frees it.</summary>
    public void Dispose() => Empty();

    private Place After(Place place)
    {
        var first = place.First + shape.BatchSize;
        return first < shape.Samples ? place with { First = first } : new(place.Epoch + 1, 0);
    }

    private Batch Make(Place place) => data.At(PlacesOf(place), place.Epoch);

    private long[] PlacesOf(Place place)
    {
        if (!orders.TryGetValue(place.Epoch, out var order))
        {
            // Two at most: batches ahead may be the next epoch's.
            foreach (var old in orders.Keys.Where(epoch => Math.Abs(epoch - place.Epoch) > 1).ToArray())
                orders.Remove(old);
            orders[place.Epoch] = order = orderOf(place.Epoch);
        }

        return order.AsSpan(place.First, Math.Min(shape.BatchSize, shape.Samples - place.First)).ToArray();
    }

    private void Empty()
    {
        while (queue.TryDequeue(out var made))
        {
            // A fault in a batch that nobody takes is nobody's.
            made.Batch.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
            if (made.Batch.IsCompletedSuccessfully)
                made.Batch.Result.Dispose();
            else
                _ = made.Batch.Exception;
        }
    }
}
