"""How a feature map becomes one vector, by the names in `pooling` of params.yaml."""
