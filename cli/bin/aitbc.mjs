#!/usr/bin/env node
// Stands in the tree, so that an install links `aitbc` before anything is compiled.
import '../dist/main.js';
