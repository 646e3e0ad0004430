namespace MappingNets.Experiments.ClusterFigures;

/// <summary>
/// Reducers in a tree. Each adds what its children send in their order, however they arrive, and passes the sum up; so the bits depend on the
/// tree and on nothing else. They are not those of one reducer that adds all in one row: sums of single precision depend on how they are
/// grouped.
/// </summary>
internal sealed class ReducerTree
{
    // From the leaves' reducers to the root.
    private readonly Reducer[][] levels;

    /// <param name="leaves">How many workers there are.</param>
    /// <param name="fanIn">How many children a reducer has, at least 2.</param>
    public ReducerTree(int leaves, int fanIn)
    {
        FanIn = fanIn;
        var sizes = new List<int> { leaves };
        while (sizes[^1] > 1 || sizes.Count == 1)
            sizes.Add((sizes[^1] + fanIn - 1) / fanIn);
        levels = [.. sizes.Skip(1).Zip(sizes, (count, below) => Enumerable.Range(0, count)
            .Select(index => new Reducer(Math.Min(fanIn, below - (index * fanIn)))).ToArray())];
    }

    /// <summary>The sum of the last step.</summary>
    public byte[] Sum { get; private set; } = [];

    private int FanIn { get; }

    /// <summary>A worker sends its gradient; the last one of a reducer's children makes it pass its sum up.</summary>
    public void Take(int leaf, byte[] gradient)
    {
        var (child, sent) = (leaf, gradient);
        foreach (var level in levels)
        {
            if (level[child / FanIn].Take(child % FanIn, sent) is not { } sum)
                return;
            (child, sent) = (child / FanIn, sum);
        }

        Sum = sent;
    }

    private sealed class Reducer(int children)
    {
        private byte[]?[] gathered = new byte[children][];
        private int count;

        public byte[]? Take(int child, byte[] gradient)
        {
            lock (this)
            {
                gathered[child] = gradient;
                if (++count < children)
                    return null;
                var all = gathered;
                (gathered, count) = (new byte[children][], 0);
                return Combining.Combine(GradientCombination.Mean, null, all!, []);
            }
        }
    }
}
