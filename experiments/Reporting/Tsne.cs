namespace MappingNets.Experiments.Reporting;

/// <summary>
/// Exact t-SNE (van der Maaten and Hinton, JMLR 9, 2008) in two dimensions, for some hundred points: every pair counts, in double precision.
/// It begins at given coordinates and draws no random numbers, so equal points give equal pictures. A picture of it shows which points are
/// neighbours, and neither distances nor dimensions.
/// </summary>
public static class Tsne
{
    private const double Smallest = 2.220446049250313e-16;
    private const double Exaggeration = 12;
    private const int ExaggeratedIterations = 250;

    /// <summary>What an embedding misses, and which way each of its points should move to miss less.</summary>
    /// <param name="Divergence">KL(P || Q) in nats.</param>
    /// <param name="Gradient">By the coordinates: one row a point.</param>
    public sealed record Fit(double Divergence, (double X, double Y)[] Gradient);

    /// <summary>The squared Euclidean distances between rows.</summary>
    /// <param name="points">One point a row, all of one length.</param>
    public static double[,] SquaredDistances(IReadOnlyList<double[]> points)
    {
        var distances = new double[points.Count, points.Count];
        for (var i = 0; i < points.Count; i++)
            for (var j = 0; j < i; j++)
            {
                var sum = 0.0;
                for (var k = 0; k < points[i].Length; k++)
                {
                    var difference = points[i][k] - points[j][k];
                    sum += difference * difference;
                }

                distances[i, j] = distances[j, i] = sum;
            }

        return distances;
    }

    /// <summary>
    /// The joint affinities p_ij = (p_j|i + p_i|j) / 2n: p_j|i is a Gaussian around i whose width is found by bisection, so that its entropy is the
    /// logarithm of the perplexity.
    /// </summary>
    /// <param name="squaredDistances">Between all pairs.</param>
    /// <param name="perplexity">About how many neighbours each point has: from above 1 to below n - 1.</param>
    /// <returns>Symmetric, 0 on the diagonal, of sum 1.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The perplexity is out of range.</exception>
    public static double[,] Affinities(double[,] squaredDistances, double perplexity)
    {
        var count = squaredDistances.GetLength(0);
        if (!(perplexity > 1 && perplexity < count - 1))
            throw new ArgumentOutOfRangeException(
                nameof(perplexity), perplexity, $"The perplexity must lie between 1 and {count - 1}, one less than the number of points.");
        var affinities = new double[count, count];
        for (var i = 0; i < count; i++)
        {
            var row = Conditional(squaredDistances, i, Math.Log(perplexity));
            for (var j = 0; j < count; j++)
            {
                affinities[i, j] += row[j] / (2 * count);
                affinities[j, i] += row[j] / (2 * count);
            }
        }

        return affinities;
    }

    /// <summary>The Kullback-Leibler divergence of an embedding's Student-t similarities from the affinities, and its gradient.</summary>
    /// <param name="affinities">P.</param>
    /// <param name="places">The embedding.</param>
    public static Fit Compare(double[,] affinities, IReadOnlyList<(double X, double Y)> places)
    {
        var count = places.Count;
        var similarities = new double[count, count];
        var total = 0.0;
        for (var i = 0; i < count; i++)
            for (var j = 0; j < i; j++)
            {
                var (x, y) = (places[i].X - places[j].X, places[i].Y - places[j].Y);
                similarities[i, j] = similarities[j, i] = 1 / (1 + (x * x) + (y * y));
                total += 2 * similarities[i, j];
            }

        var divergence = 0.0;
        var gradient = new (double X, double Y)[count];
        for (var i = 0; i < count; i++)
            for (var j = 0; j < count; j++)
            {
                if (i == j)
                    continue;
                var (wanted, similarity) = (affinities[i, j], similarities[i, j]);
                var has = similarity / total;
                divergence += wanted * Math.Log(Math.Max(wanted, Smallest) / Math.Max(has, Smallest));
                var pull = 4 * (wanted - has) * similarity;
                gradient[i].X += pull * (places[i].X - places[j].X);
                gradient[i].Y += pull * (places[i].Y - places[j].Y);
            }

        return new(divergence, gradient);
    }

    /// <summary>
    /// Gradient descent with momentum and a gain for each coordinate (the recipe of the paper), the affinities twelve times as large for the
    /// first 250 steps.
    /// </summary>
    /// <param name="affinities">P.</param>
    /// <param name="start">Where it begins, such as principal coordinates; scaled to a deviation of 0.0001.</param>
    /// <param name="iterations">How many steps.</param>
    /// <returns>The embedding, and KL(P || Q) of it.</returns>
    public static ((double X, double Y)[] Places, double Divergence) Embed(
        double[,] affinities, IReadOnlyList<(double X, double Y)> start, int iterations = 1_000)
    {
        var count = start.Count;
        var spread = Math.Sqrt(start.Average(place => place.X * place.X));
        var places = start.Select(place => (X: place.X * 1e-4 / spread, Y: place.Y * 1e-4 / spread)).ToArray();
        var rate = Math.Max(count / Exaggeration / 4, 50);
        var (velocity, gains) = (new double[2 * count], Enumerable.Repeat(1.0, 2 * count).ToArray());
        var exaggerated = Scaled(affinities, Exaggeration);
        for (var iteration = 0; iteration < iterations; iteration++)
        {
            var early = iteration < ExaggeratedIterations;
            var gradient = Compare(early ? exaggerated : affinities, places).Gradient;
            var momentum = early ? 0.5 : 0.8;
            for (var i = 0; i < count; i++)
                places[i] = (places[i].X + Step(2 * i, gradient[i].X), places[i].Y + Step((2 * i) + 1, gradient[i].Y));

            double Step(int place, double slope)
            {
                gains[place] = Math.Max(0.01, slope * velocity[place] < 0 ? gains[place] + 0.2 : gains[place] * 0.8);
                return velocity[place] = (momentum * velocity[place]) - (rate * gains[place] * slope);
            }
        }

        return (places, Compare(affinities, places).Divergence);
    }

    /// <summary>p_j|i for one i: the precision of the Gaussian by bisection, doubled or halved until it is bracketed.</summary>
    private static double[] Conditional(double[,] squaredDistances, int own, double entropy)
    {
        var count = squaredDistances.GetLength(0);
        var row = new double[count];
        var nearest = double.PositiveInfinity;
        for (var j = 0; j < count; j++)
            if (j != own)
                nearest = Math.Min(nearest, squaredDistances[own, j]);
        var (precision, low, high) = (1.0, 0.0, double.PositiveInfinity);
        for (var iteration = 0; iteration < 200; iteration++)
        {
            var (sum, mean) = (0.0, 0.0);
            for (var j = 0; j < count; j++)
            {
                // Distances beyond the nearest alone matter, and do not all vanish.
                var beyond = squaredDistances[own, j] - nearest;
                row[j] = j == own ? 0 : Math.Exp(-precision * beyond);
                sum += row[j];
                mean += j == own ? 0 : row[j] * beyond;
            }

            for (var j = 0; j < count; j++)
                row[j] /= sum;
            var excess = Math.Log(sum) + (precision * mean / sum) - entropy;
            if (Math.Abs(excess) < 1e-12)
                break;
            if (excess > 0)
                (low, precision) = (precision, double.IsInfinity(high) ? precision * 2 : (precision + high) / 2);
            else
                (high, precision) = (precision, (precision + low) / 2);
        }

        return row;
    }

    private static double[,] Scaled(double[,] matrix, double factor)
    {
        var scaled = (double[,])matrix.Clone();
        for (var i = 0; i < scaled.GetLength(0); i++)
            for (var j = 0; j < scaled.GetLength(1); j++)
                scaled[i, j] *= factor;
        return scaled;
    }
}
