using MappingNets;
using MappingNets.Experiments.Certify;
using MappingNets.Experiments.Reporting;
using ScottPlot;
using TorchSharp;

return ExampleProgram.Run(
    args,
    """
    Certifies the demo's adapter: how far may its latents move before any of 1,000 test predictions can change?

      FOLDER           the IDX files of FashionMNIST; the usual places where it is not named
      --out FOLDER     where cnn2-lwt-2688.safetensors is, or is trained, and where the results go; artifacts/demo by default
      --seed N         the seed of the adapter's training; 1 by default
      --epochs N       epochs where it is trained; 12 by default, as in the demo
    """,
    Path.Combine("artifacts", "demo"),
    (options, stop) =>
    {
        Directory.CreateDirectory(options.Output);
        var file = Path.Combine(options.Output, "cnn2-lwt-2688.safetensors");
        var (training, test) = FashionMnist.Load(options.Data);
        using (training)
        using (test)
        {
            if (!File.Exists(file))
            {
                // As in the demo, which holds the same images out.
                var (kept, heldOut) = training.SplitHoldOut(5_000, options.Seed);
                using var keptImages = kept;
                using var others = heldOut;
                using var untrained = MappingNetwork.For(Targets.Cnn2()).LayerWise(2688).WithSeed(options.Seed).Build();
                new Trainer(untrained, new() { Epochs = options.Epochs ?? 12, Seed = options.Seed }).Fit(kept, null, null, stop);
                untrained.SaveAdapter(file);
            }

            using var model = MappedModel.LoadAdapter(file, Targets.Cnn2());
            using var sample = test.Take(1_000);

            // The certificate: what is proven, and what it rests on.
            var certificate = model.Certify(sample.Inputs);
            var alone = string.Join('\n', certificate.RadiiAlone.Select(latent => FormattableString.Invariant(
                $"the latent of {latent.Key} alone: smallest {latent.Value.Min():G3}, median {Middle(latent.Value):G3}")));
            Console.WriteLine($"{certificate}\n{alone}");

            // Beside it what an attack finds: the distance at which each prediction was seen to change.
            var found = Attack.Distances(model, sample.Inputs, certificate, stop);
            var changed = found.Where(double.IsFinite).ToArray();
            var line = FormattableString.Invariant(
                $"no prediction of {found.Length} can change within {certificate.SmallestRadius:G3}; the changes found are at {changed.Min():G3} to {changed.Max():G3}; ")
                + FormattableString.Invariant($"{certificate.Radii.Count(radius => radius <= 0)} have the radius 0; median certified {Middle(certificate.Radii):G3}, median found {Middle(found):G3}; ")
                + $"found inside a certified radius: {found.Zip(certificate.Radii).Count(pair => pair.First <= pair.Second)}";
            Console.WriteLine(line);
            AtomicFile.WriteAllText(Path.Combine(options.Output, "certificate.txt"), $"{certificate}\n{alone}\n{line}\n");

            var uncertified = certificate.Radii.Count(radius => radius <= 0);
            var plot = new Plot();
            plot.Title("CNN2, LWT 2,688: how far the latent may move");
            plot.XLabel("share of 1,000 test images, %");
            plot.YLabel("distance in latent space (log10)");
            Curve(certificate.Radii, FormattableString.Invariant($"certified: no prediction changes below ({100.0 * uncertified / found.Length:0.#}% have radius 0)"));
            Curve(found, "found by attack: a prediction changes here");
            plot.ShowLegend(Alignment.LowerRight);
            Plots.Save(plot, Path.Combine(options.Output, "certificate.png"), 1000, 640);

            void Curve(IReadOnlyCollection<double> distances, string label)
            {
                // A logarithm has no place for 0: those images come first, and the curve begins behind them.
                var zeros = distances.Count(distance => distance <= 0);
                var sorted = distances.Where(distance => distance > 0 && double.IsFinite(distance)).Select(Math.Log10).Order().ToArray();
                var places = sorted.Select((_, index) => 100.0 * (zeros + index) / found.Length).ToArray();
                plot.Add.ScatterLine(places, sorted).LegendText = label;
            }

            static double Middle(IReadOnlyCollection<double> values) => values.Order().ElementAt(values.Count / 2);
        }
    });
